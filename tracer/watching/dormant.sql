-- Did a watch's addresses spend, or move at all, before a transaction?

-- name: window_start
-- the first block at or after a time; NULL where blocks up to there were not all read
SELECT min(height) FROM block WHERE time >= $since;
-- name: reads_back
SELECT min(time) FROM block WHERE height >= $first;
-- name: members
-- `keyed` (watch int32, address_id int32) and `whole` (watch int32, cluster_id int32)
CREATE OR REPLACE TEMP TABLE sleeper AS
SELECT watch, address_id FROM keyed
UNION SELECT whole.watch, coalesce(m.address_id, whole.cluster_id)
FROM whole LEFT JOIN cluster_member AS m USING (cluster_id);
-- name: active
-- of `woken` (row int64, watch int32, tx_id int64, since int64): rows with a spend in between, or nothing before
WITH candidate AS MATERIALIZED (
    SELECT woken.row, address_tx.address_id, address_tx.tx_id, woken.since, woken.tx_id AS woke
    FROM woken JOIN sleeper USING (watch)
    JOIN (SELECT * FROM address_tx WHERE address_id IN (SELECT address_id FROM sleeper)) AS address_tx USING (address_id)
    WHERE address_tx.tx_id < woken.tx_id
),
recent AS MATERIALIZED (SELECT * FROM candidate WHERE tx_id >= since),
spent AS (
    SELECT DISTINCT recent.row FROM recent
    JOIN (SELECT tx_id, address_id FROM txin WHERE tx_id IN (SELECT tx_id FROM recent)) AS txin USING (tx_id, address_id)
)
SELECT woken.row, max(candidate.tx_id) AS last_id,
    bool_or(candidate.tx_id < candidate.since) AND woken.row NOT IN (SELECT row FROM spent) AS slept
FROM woken LEFT JOIN candidate USING (row) GROUP BY woken.row ORDER BY woken.row;
-- name: active_of_accounts
WITH out AS MATERIALIZED (
    SELECT woken.row, outflow.tx_id, woken.since FROM woken JOIN sleeper USING (watch)
    JOIN (SELECT source, tx_id FROM outflow WHERE source IN (SELECT address_id FROM sleeper)) AS outflow
    ON outflow.source = sleeper.address_id WHERE outflow.tx_id < woken.tx_id
),
came AS MATERIALIZED (
    SELECT woken.row, inflow.tx_id, woken.since FROM woken JOIN sleeper USING (watch)
    JOIN (SELECT target, tx_id FROM inflow WHERE target IN (SELECT address_id FROM sleeper)) AS inflow
    ON inflow.target = sleeper.address_id WHERE inflow.tx_id < woken.tx_id
),
moved AS (FROM out UNION ALL FROM came)
SELECT woken.row, max(moved.tx_id) AS last_id,
    bool_or(moved.tx_id < moved.since) AND woken.row NOT IN (SELECT row FROM out WHERE tx_id >= since) AS slept
FROM woken LEFT JOIN moved USING (row) GROUP BY woken.row ORDER BY woken.row;
