-- name: alone
-- Where a party (`asked(tx_id, party, asset_id)`) moved an asset by one transfer alone, gas apart: its place, units, target.
SELECT a.tx_id, a.party, a.asset_id, min(t.position) AS place, min(t.amount) AS units, min(t.target) AS paid
FROM asked AS a
JOIN transfer AS t ON t.tx_id = a.tx_id AND t.asset_id = a.asset_id AND (t.source = a.party OR t.target = a.party)
WHERE t.kind NOT IN (5, 6) AND t.amount IS DISTINCT FROM 0
GROUP BY a.tx_id, a.party, a.asset_id HAVING count(*) = 1
ORDER BY a.tx_id, a.party, a.asset_id;
