-- Which of many names the ledger knows.

-- name: known_txids
-- `asked` holds (place int64, prefix int64, txid blob in wire order); what was never read drops out
WITH candidate AS MATERIALIZED (
    SELECT asked.place, asked.txid, txid_lookup.tx_id FROM asked JOIN txid_lookup USING (prefix)
)
SELECT DISTINCT candidate.place
FROM candidate JOIN tx ON tx.tx_id = candidate.tx_id AND tx.txid = candidate.txid
WHERE tx.tx_id IN (SELECT tx_id FROM candidate)
ORDER BY candidate.place;
