-- What a retention rule takes, and what it leaves.

-- name: secure
PRAGMA secure_delete = ON;

-- name: old
SELECT seq, id, kept, verdict, status, case_id FROM screening
WHERE kept < :before AND (kept, seq) > (:kept, :seq)
ORDER BY kept, seq LIMIT :limit;

-- name: take
DELETE FROM screening WHERE seq IN (SELECT value FROM json_each(:seqs));

-- name: unshared
DELETE FROM screening_shared WHERE shared_id NOT IN (
    SELECT as_of FROM screening UNION SELECT recipe FROM screening);

-- name: checkpoint
PRAGMA wal_checkpoint(TRUNCATE);

-- name: compact
VACUUM;
