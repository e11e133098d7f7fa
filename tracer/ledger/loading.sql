-- Loading: what is asked of the blocks of any family.

-- name: block_hash_at
SELECT hash FROM block WHERE height = $height;
-- name: block_prev_at
SELECT prev_hash FROM block WHERE height = $height;
-- name: blocks_between
SELECT count(*) FROM block WHERE height BETWEEN $first AND $last;
-- name: known_blocks
SELECT height, hash, prev_hash, bits FROM block WHERE height BETWEEN $first AND $last ORDER BY height;
-- name: known_account_blocks
-- accounts have no target of work
SELECT height, hash, prev_hash, 0 FROM block WHERE height BETWEEN $first AND $last ORDER BY height;
-- name: runs
SELECT min(height), max(height) FROM (
    SELECT height, height - row_number() OVER (ORDER BY height) AS island FROM block
) GROUP BY island ORDER BY 1;
-- name: note_backfill
-- From now on ids do not follow the order of the chain, also when these blocks are rolled back one day.
INSERT OR IGNORE INTO meta SELECT 'backfilled', 'true' WHERE (SELECT max(height) FROM block) > $first;
