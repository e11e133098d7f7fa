-- Deposits into mixer pools and withdrawals from them, as their events tell. `pools(address_id)` are the pools.

-- name: deposits
-- `plain`: of a kind of transaction whose price of gas its sender chose freely.
SELECT e.emitter AS pool, e.tx_id, e.log_index, t.sender AS depositor, t.gas_price, b.time,
       (t.kind IN (0, 1) OR b.base_fee IS NULL) AS plain
FROM event AS e
JOIN tx AS t ON t.tx_id = e.tx_id
JOIN block AS b ON b.height = (e.tx_id >> 24)
WHERE e.emitter IN (SELECT address_id FROM pools) AND e.topic = $topic
ORDER BY e.tx_id, e.log_index;

-- name: withdrawals
-- The same, with who is paid (20 bytes), whether somebody else sent it, and what he keeps.
SELECT e.emitter AS pool, e.tx_id, e.log_index, t.sender, t.gas_price, b.time,
       (t.kind IN (0, 1) OR b.base_fee IS NULL) AS plain, e.data, e.topics
FROM event AS e
JOIN tx AS t ON t.tx_id = e.tx_id
JOIN block AS b ON b.height = (e.tx_id >> 24)
WHERE e.emitter IN (SELECT address_id FROM pools) AND e.topic = $topic
ORDER BY e.tx_id, e.log_index;

-- name: interactions
-- Accounts of `recipients(address_id)` and `depositors(address_id)` that paid each other in $least transactions or more.
WITH met AS (
    SELECT source AS depositor, target AS recipient, tx_id FROM outflow
    WHERE source IN (SELECT address_id FROM depositors) AND kind NOT IN (5, 6)
    UNION ALL
    SELECT target, source, tx_id FROM inflow
    WHERE target IN (SELECT address_id FROM depositors) AND kind NOT IN (5, 6)
)
SELECT depositor, recipient, count(DISTINCT tx_id) AS met FROM met
WHERE recipient IN (SELECT address_id FROM recipients) AND recipient <> depositor
GROUP BY depositor, recipient HAVING count(DISTINCT tx_id) >= $least
ORDER BY depositor, recipient;
