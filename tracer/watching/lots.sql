-- Outputs that watches moved to, in the state database.

-- name: lots
SELECT watch_id, txid, vout, hop, value, origin FROM watch_lot WHERE chain = :chain ORDER BY watch_id, height, txid, vout;
-- name: put
INSERT INTO watch_lot (watch_id, txid, vout, chain, hop, value, height, origin)
VALUES (:watch_id, :txid, :vout, :chain, :hop, :value, :height, :origin)
ON CONFLICT (watch_id, txid, vout) DO UPDATE SET hop = min(hop, excluded.hop), height = excluded.height;
-- name: lost
DELETE FROM watch_lot WHERE chain = :chain AND height > :height;
