-- Pools that change one asset into another, and the transactions that touch them.

-- name: recognised
-- Contracts that emit swap events ($topics) in transactions of at least $senders different senders.
SELECT e.emitter AS address_id
FROM event AS e JOIN tx AS t ON t.tx_id = e.tx_id
WHERE list_contains($topics::BLOB[], e.topic)
GROUP BY e.emitter HAVING count(DISTINCT t.sender) >= $senders
ORDER BY e.emitter;

-- name: wraps
-- Whether native coin was ever wrapped in this ledger.
SELECT count(*) > 0 FROM (SELECT 1 FROM transfer WHERE kind IN (3, 4) LIMIT 1);

-- name: touched
-- All transfers of those of `wanted(tx_id)` that touch a pool of `pools(address_id)` (`pooled`), or wrap; and the
-- contract of each asset. A transfer of a wrap or unwrap names the contract it was made by.
WITH moved AS MATERIALIZED (
    SELECT tx_id, position, kind, asset_id, source, target, amount FROM transfer
    WHERE tx_id IN (SELECT tx_id FROM wanted)
), seen AS MATERIALIZED (
    SELECT tx_id, bool_or(source IN (SELECT address_id FROM pools) OR target IN (SELECT address_id FROM pools)) AS pooled,
           bool_or(kind IN (3, 4)) AS wraps
    FROM moved WHERE kind NOT IN (5, 6) GROUP BY tx_id
)
SELECT m.tx_id, m.position, m.kind, m.asset_id, m.source, m.target, m.amount, s.pooled,
       CASE WHEN m.kind IN (3, 4) THEN a.contract END AS wrapper
FROM moved AS m JOIN seen AS s ON s.tx_id = m.tx_id AND (s.pooled OR s.wraps)
LEFT JOIN asset AS a ON a.asset_id = m.asset_id
WHERE m.amount IS DISTINCT FROM 0
ORDER BY m.tx_id, m.position;
