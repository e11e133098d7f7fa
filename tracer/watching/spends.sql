-- What spends coins that left a watch, output by output, and where it goes.

-- name: placed
-- ids of `asked` (row int64, prefix int64, txid blob): what was kept, or is gone with a lost branch
WITH candidate AS MATERIALIZED (
    SELECT asked.row, asked.txid, txid_lookup.tx_id FROM asked JOIN txid_lookup USING (prefix)
)
SELECT candidate.row, max(tx.tx_id) AS tx_id
FROM candidate JOIN (SELECT tx_id, txid FROM tx WHERE tx_id IN (SELECT tx_id FROM candidate)) AS tx
    ON tx.tx_id = candidate.tx_id AND tx.txid = candidate.txid
GROUP BY candidate.row ORDER BY candidate.row;
-- name: spends
-- of `lot` (row int64, tx_id int64, vout int32), in the blocks looked at
SELECT lot.row, spend.tx_id FROM lot
JOIN (SELECT * FROM spend WHERE prev_tx_id IN (SELECT tx_id FROM lot) AND tx_id >= $first AND tx_id < $stop) AS spend
    ON spend.prev_tx_id = lot.tx_id AND spend.prev_vout = lot.vout
ORDER BY spend.tx_id, lot.row;
-- name: outputs
-- of `wanted` (tx_id int64); what is burnt or hidden nobody can follow
SELECT tx_id, vout, value, address_id, block.time FROM txout JOIN block ON block.height = tx_id >> 24
WHERE tx_id IN (SELECT tx_id FROM wanted) AND txout.kind NOT IN (8, 9, 11) ORDER BY tx_id, vout;
-- name: mixing
SELECT DISTINCT tx_id FROM mix WHERE stops AND tx_id IN (SELECT tx_id FROM wanted) ORDER BY tx_id;
-- name: own_outputs
-- outputs of `wanted` that come back to the watch itself: `lotted` (tx_id int64, watch int32)
SELECT lotted.watch, txout.tx_id, txout.vout FROM lotted
JOIN (SELECT * FROM txout WHERE tx_id IN (SELECT tx_id FROM lotted)) AS txout USING (tx_id)
JOIN owned ON owned.watch = lotted.watch AND owned.address_id = txout.address_id
ORDER BY lotted.watch, txout.tx_id, txout.vout;
