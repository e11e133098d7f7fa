-- One hop over account transfers. `frontier(address_id, asset_id, first, last)` are queues and the tx_ids between which
-- they are followed; DuckDB prunes the look-ups, which are sorted by account, by the least and greatest of them. Rows come
-- in no order: `columns.rows_of` sorts what a kernel reads, once, and a closure asks for none.

-- name: forward
SELECT o.tx_id, o.position, o.kind, o.asset_id, o.source, o.target, o.amount
FROM frontier AS f
JOIN outflow AS o ON o.source = f.address_id AND o.asset_id = f.asset_id
WHERE o.tx_id >= f.first AND o.tx_id <= f.last;

-- name: backward
SELECT i.tx_id, i.position, i.kind, i.asset_id, i.source, i.target, i.amount
FROM frontier AS f
JOIN inflow AS i ON i.target = f.address_id AND i.asset_id = f.asset_id
WHERE i.tx_id >= f.first AND i.tx_id <= f.last;

-- name: touching
-- All transfers that touch queues of the frontier, each once, in no order: what leaves one, and what comes from elsewhere.
SELECT o.tx_id, o.position, o.kind, o.asset_id, o.source, o.target, o.amount
FROM frontier AS f
JOIN outflow AS o ON o.source = f.address_id AND o.asset_id = f.asset_id
WHERE o.tx_id >= f.first AND o.tx_id <= f.last
UNION ALL
SELECT i.tx_id, i.position, i.kind, i.asset_id, i.source, i.target, i.amount
FROM frontier AS f
JOIN inflow AS i ON i.target = f.address_id AND i.asset_id = f.asset_id
LEFT JOIN frontier AS g ON g.address_id = i.source AND g.asset_id = i.asset_id AND i.tx_id BETWEEN g.first AND g.last
WHERE i.tx_id >= f.first AND i.tx_id <= f.last AND g.address_id IS NULL;

-- name: held
-- Who is claimed to hold an account when a transfer meets it: `met(address_id, tx_id)`, distinct.
WITH asked AS MATERIALIZED (
    SELECT DISTINCT address_id FROM met
), linked AS MATERIALIZED (
    SELECT address_id, cluster_id FROM cluster WHERE address_id IN (SELECT address_id FROM asked)
)
SELECT m.address_id, m.tx_id, coalesce(ca.holding, cc.holding) AS holding, cc.holding AS cluster_holding
FROM met AS m
JOIN block AS b ON b.height = (m.tx_id >> 24)
LEFT JOIN claimed_address AS ca ON ca.address_id = m.address_id AND ca.since <= b.time AND b.time < ca.until
LEFT JOIN linked AS c ON c.address_id = m.address_id
LEFT JOIN claimed_cluster AS cc ON cc.cluster_id = coalesce(c.cluster_id, m.address_id)
    AND cc.since <= b.time AND b.time < cc.until
ORDER BY m.tx_id, m.address_id;

-- name: degree
-- Of `asked` queues, those of more than $most transactions. Few accounts have as many at all: these are found first, by
-- one column.
WITH often AS MATERIALIZED (
    SELECT address_id FROM (
        SELECT source AS address_id, count(*) AS moved FROM outflow
        WHERE source IN (SELECT address_id FROM asked) GROUP BY source
        UNION ALL
        SELECT target, count(*) FROM inflow WHERE target IN (SELECT address_id FROM asked) GROUP BY target
    ) GROUP BY address_id HAVING sum(moved) > $most
), busy AS MATERIALIZED (
    SELECT a.address_id, a.asset_id FROM asked AS a WHERE a.address_id IN (SELECT address_id FROM often)
), met AS (
    SELECT o.source AS address_id, o.asset_id, o.tx_id
    FROM busy AS a JOIN outflow AS o ON o.source = a.address_id AND o.asset_id = a.asset_id
    UNION ALL
    SELECT i.target, i.asset_id, i.tx_id
    FROM busy AS a JOIN inflow AS i ON i.target = a.address_id AND i.asset_id = a.asset_id
)
SELECT address_id, asset_id, count(DISTINCT tx_id) AS degree FROM met
GROUP BY address_id, asset_id HAVING count(*) > $most AND count(DISTINCT tx_id) > $most ORDER BY address_id, asset_id;

-- name: goes_on
-- Queues of the frontier that more leaves (gas apart) than was looked at: after `last`; backward, before `first`.
SELECT DISTINCT f.address_id, f.asset_id
FROM frontier AS f
JOIN outflow AS o ON o.source = f.address_id AND o.asset_id = f.asset_id
WHERE o.tx_id > f.last AND o.kind NOT IN (5, 6)
ORDER BY f.address_id, f.asset_id;

-- name: came_before
SELECT DISTINCT f.address_id, f.asset_id
FROM frontier AS f
JOIN inflow AS i ON i.target = f.address_id AND i.asset_id = f.asset_id
WHERE i.tx_id < f.first
ORDER BY f.address_id, f.asset_id;

-- name: times
SELECT height, time FROM block WHERE height IN (SELECT height FROM asked) ORDER BY height;

-- name: logs
-- Places of the events that told transfers of `wanted(tx_id)`.
SELECT tx_id, position, log_index FROM transfer
WHERE tx_id IN (SELECT tx_id FROM wanted) AND log_index IS NOT NULL ORDER BY tx_id, position;

-- name: producers
-- Who got the gas of `wanted(tx_id, position)`.
SELECT t.tx_id, t.position, t.target FROM wanted AS w
JOIN transfer AS t ON t.tx_id = w.tx_id AND t.position = w.position
WHERE t.target IS NOT NULL ORDER BY t.tx_id, t.position;

-- name: since
-- The first block from a time on: its height; NULL where there is none.
SELECT min(height) FROM block WHERE time >= $time;

-- name: untraced
-- Runs of heights of which internal transfers were not read, in order.
SELECT min(height) AS first, max(height) AS last
FROM (SELECT height, height - row_number() OVER (ORDER BY height) AS run FROM block WHERE NOT traced)
GROUP BY run ORDER BY first;
