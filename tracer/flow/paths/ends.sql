-- The way back from where paths are to end, hop by hop. `members(address_id)` and `wanted(tx_id)`, of clusters
-- `wanted(cluster_id)`, are registered frames.

-- name: arrivals
-- Transactions that pay to the set, at whatever time.
SELECT DISTINCT o.tx_id
FROM members AS m
JOIN address_tx AS h ON h.address_id = m.address_id
JOIN txout AS o ON o.tx_id = h.tx_id AND o.address_id = m.address_id
ORDER BY o.tx_id;

-- name: payers
-- Transactions whose outputs `wanted` ones spend. Left out are those that surely lead no further: what a mix spends,
-- and what is claimed to be held by a service (`outputs` in closure.sql decides; a path through more than that
-- is not found by the closure either).
WITH spent AS MATERIALIZED (
    SELECT DISTINCT i.prev_tx_id, i.address_id
    FROM wanted AS w JOIN txin AS i ON i.tx_id = w.tx_id
    WHERE i.prev_tx_id IS NOT NULL AND NOT EXISTS (FROM mix AS m WHERE m.tx_id = i.tx_id AND m.stops)
), linked AS MATERIALIZED (
    SELECT address_id, cluster_id FROM cluster WHERE address_id IN (SELECT address_id FROM spent)
)
SELECT DISTINCT s.prev_tx_id AS tx_id
FROM spent AS s
JOIN block AS b ON b.height = (s.prev_tx_id >> 24)
LEFT JOIN claimed_address AS ca ON ca.address_id = s.address_id AND ca.since <= b.time AND b.time < ca.until
LEFT JOIN linked AS c ON c.address_id = s.address_id
LEFT JOIN claimed_cluster AS cc ON cc.cluster_id = coalesce(c.cluster_id, s.address_id)
    AND cc.since <= b.time AND b.time < cc.until
WHERE coalesce(ca.holding, cc.holding) IS NULL
ORDER BY tx_id;

-- name: cluster_members
SELECT m.address_id
FROM wanted AS w JOIN cluster_member AS m ON m.cluster_id = w.cluster_id
ORDER BY m.address_id;
