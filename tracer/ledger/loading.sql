-- Loading: what is asked of the blocks of any family.

-- name: block_hash_at
SELECT hash FROM block WHERE height = $height;
-- name: known_blocks
-- those that were read whole: of others single transactions are known (tracer.ledger.partial)
SELECT height, hash, prev_hash, bits FROM block WHERE height BETWEEN $first AND $last AND whole ORDER BY height;
-- name: known_account_blocks
-- accounts have no target of work
SELECT height, hash, prev_hash, 0 FROM block WHERE height BETWEEN $first AND $last ORDER BY height;
-- name: note_backfill
-- From now on ids do not follow the order of the chain, also when these blocks are rolled back one day.
INSERT OR IGNORE INTO meta SELECT 'backfilled', 'true' WHERE (SELECT max(height) FROM block) > $first;
