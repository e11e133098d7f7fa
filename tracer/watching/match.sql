-- New movements against all watches, set-wise. `side` holds every movement of the blocks looked at, whoever's it is.

-- name: sides
CREATE OR REPLACE TEMP TABLE side AS
SELECT tx_id, vin AS place, true AS spent, address_id, CAST(value AS DECIMAL(38, 0)) AS units, 0 AS asset_id
FROM txin WHERE tx_id >= $first AND tx_id < $stop AND address_id IS NOT NULL
UNION ALL
SELECT tx_id, vout, false, address_id, CAST(value AS DECIMAL(38, 0)), 0
FROM txout WHERE tx_id >= $first AND tx_id < $stop AND address_id IS NOT NULL;
-- name: sides_of_accounts
-- fees are no movement of their own; nothing is moved by an amount of 0
CREATE OR REPLACE TEMP TABLE side AS
SELECT tx_id, position AS place, true AS spent, source AS address_id, amount AS units, asset_id
FROM transfer
WHERE tx_id >= $first AND tx_id < $stop AND source IS NOT NULL AND kind NOT IN (5, 6) AND amount IS DISTINCT FROM 0
UNION ALL
SELECT tx_id, position, false, target, amount, asset_id
FROM transfer
WHERE tx_id >= $first AND tx_id < $stop AND target IS NOT NULL AND kind NOT IN (5, 6) AND amount IS DISTINCT FROM 0;
-- name: owned
-- whose the addresses are that moved something: `watched` (watch int32, kind uint8, payload blob) by address,
-- `watched_cluster` (watch int32, cluster_id int32) by cluster; an address in no cluster is its own
CREATE OR REPLACE TEMP TABLE owned AS
WITH seen AS MATERIALIZED (SELECT DISTINCT address_id FROM side),
named AS MATERIALIZED (
    SELECT address_id, kind, payload FROM address WHERE address_id IN (SELECT address_id FROM seen)
),
linked AS MATERIALIZED (
    SELECT seen.address_id, coalesce(cluster.cluster_id, seen.address_id) AS cluster_id
    FROM seen LEFT JOIN (SELECT * FROM cluster WHERE address_id IN (SELECT address_id FROM seen)) AS cluster
    USING (address_id) WHERE $clusters
)
SELECT watch, address_id FROM named JOIN watched USING (kind, payload)
UNION
SELECT watch, address_id FROM linked JOIN watched_cluster USING (cluster_id);
-- name: hits
-- net of each watch, transaction and asset; an amount above 38 digits is unknown, and so is a sum with it
SELECT watch, tx_id, asset_id,
    CASE WHEN bool_or(units IS NULL) THEN NULL ELSE CAST(coalesce(sum(units) FILTER (NOT spent), 0) AS DECIMAL(38, 0)) END AS received,
    CASE WHEN bool_or(units IS NULL) THEN NULL ELSE CAST(coalesce(sum(units) FILTER (spent), 0) AS DECIMAL(38, 0)) END AS spent
FROM side JOIN owned USING (address_id)
GROUP BY watch, tx_id, asset_id ORDER BY tx_id, watch, asset_id;
-- name: transactions
-- of `wanted` (tx_id int64)
SELECT tx.tx_id, tx.txid, block.height, block.hash, block.time, CAST(tx.fee AS DECIMAL(38, 0)) AS fee
FROM tx JOIN block ON block.height = tx.tx_id >> 24
WHERE tx.tx_id IN (SELECT tx_id FROM wanted) ORDER BY tx.tx_id;
-- name: legs
-- all legs of `wanted`: those of watched addresses first, then the largest
WITH leg AS (
    SELECT tx_id, vin AS place, true AS spent, address_id, CAST(value AS DECIMAL(38, 0)) AS units, prev_tx_id, prev_vout
    FROM txin WHERE tx_id IN (SELECT tx_id FROM wanted)
    UNION ALL
    SELECT tx_id, vout, false, address_id, CAST(value AS DECIMAL(38, 0)), NULL, NULL
    FROM txout WHERE tx_id IN (SELECT tx_id FROM wanted)
),
marked AS (
    SELECT leg.*, address_id IN (SELECT address_id FROM owned) IS TRUE AS mine FROM leg
),
ranked AS (
    SELECT *, row_number() OVER (PARTITION BY tx_id, spent ORDER BY mine DESC, units DESC NULLS LAST, place) AS rank,
        count(*) OVER (PARTITION BY tx_id) AS legs
    FROM marked
)
SELECT ranked.tx_id, place, spent, address_id, units, prev.txid AS prev_txid, prev_vout, legs
FROM ranked LEFT JOIN tx AS prev ON prev.tx_id = ranked.prev_tx_id
WHERE rank <= $most ORDER BY ranked.tx_id, spent DESC, place;
-- name: legs_of_accounts
WITH ranked AS (
    SELECT tx_id, position AS place, kind, asset_id, source, target, amount AS units,
        row_number() OVER (PARTITION BY tx_id ORDER BY (source IN (SELECT address_id FROM owned) IS TRUE
            OR target IN (SELECT address_id FROM owned) IS TRUE) DESC, position) AS rank,
        count(*) OVER (PARTITION BY tx_id) AS legs
    FROM transfer WHERE tx_id IN (SELECT tx_id FROM wanted) AND kind NOT IN (5, 6) AND amount IS DISTINCT FROM 0
)
SELECT tx_id, place, kind, asset_id, source, target, units, legs FROM ranked WHERE rank <= $most ORDER BY tx_id, place;
-- name: owners
SELECT watch, address_id FROM owned ORDER BY watch, address_id;
-- name: rows_between
-- how much is in the blocks above $height: where a portion of about $rows ends
SELECT max(height) FROM (
    SELECT height, sum(tx_count) OVER (ORDER BY height) - tx_count AS before
    FROM block WHERE height > $height AND height <= $last
) WHERE before < $rows;
