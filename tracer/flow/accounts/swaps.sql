-- Pools that change one asset into another, and the transactions that touch them.

-- name: recognised
-- Contracts that emit swap events ($topics) in transactions of at least $senders different senders.
SELECT e.emitter AS address_id
FROM event AS e JOIN tx AS t ON t.tx_id = e.tx_id
WHERE list_contains($topics::BLOB[], e.topic)
GROUP BY e.emitter HAVING count(DISTINCT t.sender) >= $senders
ORDER BY e.emitter;

-- name: sound
-- The native coin, and what everybody knows by its symbol (a pinned list says so).
SELECT 0 AS asset_id
UNION ALL
SELECT a.asset_id FROM asset AS a JOIN token AS t ON t.contract = a.contract WHERE t.genuine AND a.token_id IS NULL
ORDER BY asset_id;

-- name: wraps
-- Whether native coin was ever wrapped in this ledger.
SELECT count(*) > 0 FROM (SELECT 1 FROM transfer WHERE kind IN (3, 4) LIMIT 1);

-- name: touched
-- All transfers of those of `wanted(tx_id)` that touch a pool (`pooled`), or wrap, and which ends of each are pools.
-- `pools(address_id, since, until, tagged)`: who is one, when; `claimed`: all pools of the transaction are tagged then.
-- A transfer of a wrap or unwrap names the contract it was made by.
WITH moved AS MATERIALIZED (
    SELECT t.tx_id, t.position, t.kind, t.asset_id, t.source, t.target, t.amount, b.time
    FROM transfer AS t JOIN block AS b ON b.height = (t.tx_id >> 24)
    WHERE t.tx_id IN (SELECT tx_id FROM wanted)
), ends AS (
    SELECT tx_id, time, source AS address_id FROM moved WHERE kind NOT IN (5, 6)
    UNION
    SELECT tx_id, time, target FROM moved WHERE kind NOT IN (5, 6)
), met AS MATERIALIZED (
    SELECT e.tx_id, e.address_id, bool_or(p.tagged) AS tagged
    FROM ends AS e JOIN pools AS p ON p.address_id = e.address_id AND p.since <= e.time AND e.time < p.until
    GROUP BY e.tx_id, e.address_id
), claims AS (
    SELECT tx_id, bool_and(tagged) AS claimed FROM met GROUP BY tx_id
), seen AS MATERIALIZED (
    SELECT m.tx_id, bool_or(c.tx_id IS NOT NULL) AS pooled, coalesce(bool_and(c.claimed), false) AS claimed,
           bool_or(m.kind IN (3, 4)) AS wraps
    FROM moved AS m LEFT JOIN claims AS c ON c.tx_id = m.tx_id WHERE m.kind NOT IN (5, 6) GROUP BY m.tx_id
)
SELECT m.tx_id, m.position, m.kind, m.asset_id, m.source, m.target, m.amount, s.pooled, s.claimed,
       ms.tx_id IS NOT NULL AS source_pool, mt.tx_id IS NOT NULL AS target_pool,
       CASE WHEN m.kind IN (3, 4) THEN a.contract END AS wrapper
FROM moved AS m JOIN seen AS s ON s.tx_id = m.tx_id AND (s.pooled OR s.wraps)
LEFT JOIN met AS ms ON ms.tx_id = m.tx_id AND ms.address_id = m.source
LEFT JOIN met AS mt ON mt.tx_id = m.tx_id AND mt.address_id = m.target
LEFT JOIN asset AS a ON a.asset_id = m.asset_id
WHERE m.amount IS DISTINCT FROM 0
ORDER BY m.tx_id, m.position;
