-- Screenings that are kept: written once, found by id, or newest first by what narrows them down most.

-- name: more_memory
-- Ids come in no order: with SQLite's own 2 MB of cache most of them would be a read from the disk (P).
PRAGMA cache_size = -65536;

-- name: shared_put
INSERT OR IGNORE INTO screening_shared (digest, body) VALUES (:digest, :body);

-- name: shared_id
SELECT shared_id FROM screening_shared WHERE digest = :digest;

-- name: put
-- What is there already stays as it is; only that it belongs to a case may still be learned.
INSERT INTO screening
    (id, kept, subject, question, verdict, status, case_id, as_of, recipe, body)
VALUES (:id, :kept, :subject, :question, :verdict, :status, :case_id, :as_of, :recipe, :body)
ON CONFLICT (id) DO UPDATE SET case_id = excluded.case_id WHERE case_id = '' AND excluded.case_id <> '';

-- name: one
SELECT s.seq, s.id, s.kept, s.verdict, s.status, s.case_id, s.body, a.body, r.body
FROM screening AS s
JOIN screening_shared AS a ON a.shared_id = s.as_of
JOIN screening_shared AS r ON r.shared_id = s.recipe
WHERE s.id = :id;

-- name: beginning
SELECT id FROM screening WHERE id >= :low AND id <= :high ORDER BY id LIMIT 6;

-- name: before
SELECT id FROM screening WHERE id < :id ORDER BY id DESC LIMIT 2;

-- name: after
SELECT id FROM screening WHERE id > :id ORDER BY id LIMIT 2;

-- name: by_time
SELECT s.seq, s.id, s.kept, s.verdict, s.status, s.case_id, s.body, a.body, r.body
FROM screening AS s
JOIN screening_shared AS a ON a.shared_id = s.as_of
JOIN screening_shared AS r ON r.shared_id = s.recipe
WHERE s.kept >= :since AND s.kept <= :until AND (s.kept, s.seq) < (:kept, :seq)
  AND (:verdict IS NULL OR s.verdict = :verdict)
ORDER BY s.kept DESC, s.seq DESC LIMIT :limit;

-- name: by_verdict
SELECT s.seq, s.id, s.kept, s.verdict, s.status, s.case_id, s.body, a.body, r.body
FROM screening AS s
JOIN screening_shared AS a ON a.shared_id = s.as_of
JOIN screening_shared AS r ON r.shared_id = s.recipe
WHERE s.verdict = :verdict AND s.verdict <> 'clear'
  AND s.kept >= :since AND s.kept <= :until AND (s.kept, s.seq) < (:kept, :seq)
ORDER BY s.kept DESC, s.seq DESC LIMIT :limit;

-- name: by_status
SELECT s.seq, s.id, s.kept, s.verdict, s.status, s.case_id, s.body, a.body, r.body
FROM screening AS s
JOIN screening_shared AS a ON a.shared_id = s.as_of
JOIN screening_shared AS r ON r.shared_id = s.recipe
WHERE s.status = :status AND s.status <> 'none' AND (:verdict IS NULL OR s.verdict = :verdict)
  AND s.kept >= :since AND s.kept <= :until AND (s.kept, s.seq) < (:kept, :seq)
ORDER BY s.kept DESC, s.seq DESC LIMIT :limit;

-- name: by_case
SELECT s.seq, s.id, s.kept, s.verdict, s.status, s.case_id, s.body, a.body, r.body
FROM screening AS s
JOIN screening_shared AS a ON a.shared_id = s.as_of
JOIN screening_shared AS r ON r.shared_id = s.recipe
WHERE s.case_id = :case_id AND s.case_id <> '' AND (:verdict IS NULL OR s.verdict = :verdict)
  AND (:status IS NULL OR s.status = :status)
  AND s.kept >= :since AND s.kept <= :until AND (s.kept, s.seq) < (:kept, :seq)
ORDER BY s.kept DESC, s.seq DESC LIMIT :limit;

-- name: by_subject
SELECT s.seq, s.id, s.kept, s.verdict, s.status, s.case_id, s.body, a.body, r.body
FROM screening AS s
JOIN screening_shared AS a ON a.shared_id = s.as_of
JOIN screening_shared AS r ON r.shared_id = s.recipe
WHERE s.subject = :subject AND (:verdict IS NULL OR s.verdict = :verdict)
  AND (:status IS NULL OR s.status = :status) AND (:case_id IS NULL OR s.case_id = :case_id)
  AND s.kept >= :since AND s.kept <= :until AND (s.kept, s.seq) < (:kept, :seq)
ORDER BY s.kept DESC, s.seq DESC LIMIT :limit;

-- name: newest
-- The newest record of each question about each subject, in the order they were kept.
SELECT s.seq, s.id, s.kept, s.verdict, s.status, s.case_id, s.body, a.body, r.body
FROM screening AS s
JOIN screening_shared AS a ON a.shared_id = s.as_of
JOIN screening_shared AS r ON r.shared_id = s.recipe
WHERE s.seq > :seq AND s.seq <= :last AND s.kept >= :since AND s.kept <= :until
  AND (:verdict IS NULL OR s.verdict = :verdict) AND (:status IS NULL OR s.status = :status)
  AND (:case_id IS NULL OR s.case_id = :case_id) AND (:subject IS NULL OR s.subject = :subject)
  AND NOT EXISTS (
      SELECT 1 FROM screening AS n WHERE n.subject = s.subject AND n.question = s.question AND n.seq > s.seq)
ORDER BY s.seq LIMIT :limit;

-- name: count
SELECT count(*) FROM screening;

-- name: last
SELECT coalesce(max(seq), 0) FROM screening;

-- name: set_status
UPDATE screening SET status = :status WHERE id = :id;

-- name: set_case
UPDATE screening SET case_id = :case_id WHERE id = :id;
