-- Where what queues pay out goes. `asked(address_id, asset_id)`: accounts that nobody tagged.

-- name: paid_out
-- Every payment out of these queues, gas apart, with who is claimed to hold the account that got it.
WITH out AS MATERIALIZED (
    SELECT o.source, o.asset_id, o.tx_id, o.position, o.target, o.amount
    FROM asked AS a JOIN outflow AS o ON o.source = a.address_id AND o.asset_id = a.asset_id
    WHERE o.kind NOT IN (5, 6)
), linked AS MATERIALIZED (
    SELECT address_id, cluster_id FROM cluster WHERE address_id IN (SELECT target FROM out)
)
SELECT o.source, o.asset_id, o.tx_id, o.position, o.target, o.amount, coalesce(ca.holding, cc.holding) AS holding
FROM out AS o
JOIN block AS b ON b.height = (o.tx_id >> 24)
LEFT JOIN claimed_address AS ca ON ca.address_id = o.target AND ca.since <= b.time AND b.time < ca.until
LEFT JOIN linked AS c ON c.address_id = o.target
LEFT JOIN claimed_cluster AS cc ON cc.cluster_id = coalesce(c.cluster_id, o.target)
    AND cc.since <= b.time AND b.time < cc.until
ORDER BY o.source, o.asset_id, o.tx_id, o.position;

-- name: kept
-- What these queues held before the first block and took in up to the last payment they made, and all that left them until
-- then, gas too. `beyond`: whether an amount came that no deposit has, or nobody could read; `begun`: whether it is known
-- what was there before the first block.
WITH first AS (
    SELECT min(height) AS height FROM block
), ended AS (
    SELECT a.address_id, a.asset_id, max(o.tx_id) AS last
    FROM asked AS a JOIN outflow AS o ON o.source = a.address_id AND o.asset_id = a.asset_id
    WHERE o.kind NOT IN (5, 6) GROUP BY a.address_id, a.asset_id
), moved AS (
    SELECT e.address_id, e.asset_id, true AS came, false AS told, i.amount
    FROM ended AS e JOIN inflow AS i ON i.target = e.address_id AND i.asset_id = e.asset_id WHERE i.tx_id <= e.last
    UNION ALL
    SELECT e.address_id, e.asset_id, true, true, o.amount
    FROM ended AS e JOIN opening AS o ON o.address_id = e.address_id AND o.asset_id = e.asset_id
    WHERE o.height = (SELECT height - 1 FROM first)
    UNION ALL
    SELECT e.address_id, e.asset_id, false, false, o.amount
    FROM ended AS e JOIN outflow AS o ON o.source = e.address_id AND o.asset_id = e.asset_id WHERE o.tx_id <= e.last
)
SELECT address_id, asset_id,
       coalesce(sum(amount) FILTER (came AND amount < 1000000000000000000000000000000), 0)::DECIMAL(38, 0) AS came,
       coalesce(sum(amount) FILTER (NOT came AND amount < 1000000000000000000000000000000), 0)::DECIMAL(38, 0) AS went,
       coalesce(bool_or(came AND (amount IS NULL AND NOT told OR amount >= 1000000000000000000000000000000)), false) AS beyond,
       (SELECT height = 0 FROM first) OR bool_or(told AND amount IS NOT NULL) AS begun
FROM moved GROUP BY address_id, asset_id ORDER BY address_id, asset_id;
