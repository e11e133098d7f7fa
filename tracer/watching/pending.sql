-- Unconfirmed transactions against all watches. `paid` (tx int64, vout int32, units int64, kind uint8, payload blob) is what
-- they would pay, `asked` (tx int64, vin int32, prev_txid blob, prev_vout int32, prefix int64) what they would spend.

-- name: spending
-- the outputs they spend, where these were read
WITH candidate AS MATERIALIZED (
    SELECT asked.tx, asked.vin, asked.prev_txid, asked.prev_vout, txid_lookup.tx_id
    FROM asked JOIN txid_lookup USING (prefix)
),
parent AS MATERIALIZED (
    SELECT candidate.tx, candidate.vin, candidate.prev_vout, tx.tx_id FROM candidate
    JOIN (SELECT tx_id, txid FROM tx WHERE tx_id IN (SELECT tx_id FROM candidate)) AS tx
        ON tx.tx_id = candidate.tx_id AND tx.txid = candidate.prev_txid
)
SELECT parent.tx, parent.vin, coin.value AS units, coin.address_id, a.kind, a.payload FROM parent
JOIN (SELECT * FROM txout WHERE tx_id IN (SELECT tx_id FROM parent)) AS coin
    ON coin.tx_id = parent.tx_id AND coin.vout = parent.prev_vout
LEFT JOIN address AS a USING (address_id)
ORDER BY parent.tx, parent.vin;
-- name: owned
-- whose the addresses are: `pending` (place int64, kind uint8, payload blob, address_id int32)
SELECT pending.place, watched.watch FROM pending JOIN watched USING (kind, payload)
UNION
SELECT pending.place, watched_cluster.watch FROM pending
LEFT JOIN (SELECT * FROM cluster WHERE address_id IN (SELECT address_id FROM pending)) AS c USING (address_id)
JOIN watched_cluster ON watched_cluster.cluster_id = coalesce(c.cluster_id, pending.address_id)
ORDER BY 1, 2;
