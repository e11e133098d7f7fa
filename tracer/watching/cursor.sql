-- How far a chain was read for watches: in the state (SQLite, `:name`), and which of it still stands (DuckDB, `$name`).

-- name: cursor
SELECT height, hash, time, read, fresh, snapshot, problem FROM watch_cursor WHERE chain = :chain;
-- name: cursors
SELECT chain, height, hash, time, read, fresh, snapshot, problem FROM watch_cursor ORDER BY chain;
-- name: put
INSERT INTO watch_cursor (chain, height, hash, time, read, fresh, snapshot, problem)
VALUES (:chain, :height, :hash, :time, :now, :now, :snapshot, '')
ON CONFLICT (chain) DO UPDATE SET height = excluded.height, hash = excluded.hash, time = excluded.time,
    read = excluded.read, fresh = excluded.fresh, problem = '';
-- name: looked
UPDATE watch_cursor SET read = :now, problem = '' WHERE chain = :chain;
-- name: trouble
UPDATE watch_cursor SET problem = :problem WHERE chain = :chain;
-- name: compared
UPDATE watch_cursor SET snapshot = :snapshot WHERE chain = :chain;
-- name: drop
DELETE FROM watch_cursor WHERE chain = :chain;
-- name: remember
INSERT INTO watch_block (chain, height, hash) VALUES (:chain, :height, :hash)
ON CONFLICT (chain, height) DO UPDATE SET hash = excluded.hash;
-- name: forget_above
DELETE FROM watch_block WHERE chain = :chain AND height > :height;
-- name: forget_below
DELETE FROM watch_block WHERE chain = :chain AND height < :height;
-- name: remembered
SELECT height, hash FROM watch_block WHERE chain = :chain ORDER BY height DESC;

-- name: blocks_at
SELECT height, hash, time FROM block WHERE height BETWEEN $first AND $last ORDER BY height;
