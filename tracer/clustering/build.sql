-- What a build reads and writes, and what is asked of its clusters.

-- name: chunks
-- block ranges of about $size transactions each: what one pass of shape-finding looks at
SELECT min(height), max(height) + 1, sum(tx_count)::BIGINT FROM (
    SELECT height, tx_count, (sum(tx_count) OVER (ORDER BY height) - tx_count) // $size AS chunk FROM block
) GROUP BY chunk ORDER BY chunk;
-- name: addresses
SELECT count(*), coalesce(max(address_id), -1) FROM address;
-- name: below
-- blocks and unresolved inputs up to a height: when these change, so may the links
SELECT (SELECT count(*) FROM block WHERE height <= $height),
       (SELECT count(*) FROM pending_spend WHERE tx_id < $next);
-- name: forget_mixes
DELETE FROM mix;
-- name: keep_mixes
INSERT INTO mix BY NAME SELECT tx_id, kind, participants, denomination, confidence FROM found ORDER BY tx_id;
-- name: excluded
SELECT kind, count(*) FROM mix GROUP BY kind ORDER BY kind;
-- name: co_spent
SELECT tx_id, address_id FROM txin ANTI JOIN mix USING (tx_id)
WHERE address_id IS NOT NULL AND kind IS DISTINCT FROM $anyone
ORDER BY tx_id, address_id;
-- name: earliest
-- The member of each cluster that the chain shows first: by transaction, then input, then output. Address ids
-- follow the order of reading, which is another where blocks were read out of order.
WITH seen AS (
    SELECT address_id, min(tx_id) AS tx_id FROM address_tx SEMI JOIN found USING (address_id) GROUP BY address_id
),
member AS MATERIALIZED (SELECT cluster_id, address_id, tx_id FROM found JOIN seen USING (address_id)),
candidate AS MATERIALIZED (
    SELECT cluster_id, address_id, tx_id FROM member
    JOIN (SELECT cluster_id, min(tx_id) AS tx_id FROM member GROUP BY cluster_id) USING (cluster_id, tx_id)
),
place AS (
    SELECT cluster_id, address_id, vin AS place FROM candidate JOIN txin USING (tx_id, address_id)
    UNION ALL
    SELECT cluster_id, address_id, 16777216 + vout FROM candidate JOIN txout USING (tx_id, address_id)
)
SELECT cluster_id, arg_min(address_id, place) AS earliest FROM place GROUP BY cluster_id
HAVING arg_min(address_id, place) <> cluster_id ORDER BY cluster_id;
-- name: forget_clusters
DELETE FROM cluster;
-- name: forget_members
DELETE FROM cluster_member;
-- name: keep_clusters
INSERT INTO cluster SELECT address_id, cluster_id FROM found ORDER BY address_id;
-- name: keep_members
INSERT INTO cluster_member SELECT cluster_id, address_id FROM found ORDER BY cluster_id, address_id;
-- name: record
INSERT OR REPLACE INTO meta VALUES ('clustering', $state);
-- name: recorded
SELECT value FROM meta WHERE key = 'clustering';
-- name: block_at
SELECT hash, time FROM block WHERE height = $height;
-- name: cluster_of
SELECT cluster_id FROM cluster WHERE address_id = $address_id;
-- name: size
SELECT count(*) FROM cluster_member WHERE cluster_id = $cluster_id;
-- name: members
-- in the order in which the chain shows them
WITH member AS (SELECT address_id FROM cluster_member WHERE cluster_id = $cluster_id),
seen AS MATERIALIZED (
    SELECT address_id, min(tx_id) AS tx_id FROM address_tx SEMI JOIN member USING (address_id) GROUP BY address_id
),
place AS (
    SELECT address_id, tx_id, vin AS place FROM seen JOIN txin USING (tx_id, address_id)
    UNION ALL
    SELECT address_id, tx_id, 16777216 + vout FROM seen JOIN txout USING (tx_id, address_id)
)
SELECT address_id FROM place GROUP BY address_id ORDER BY min(tx_id), min(place) LIMIT $limit;
-- name: among
-- which of the registered (kind, payload) rows are members
SELECT wanted.row FROM wanted JOIN address USING (kind, payload)
WHERE address_id = $address_id OR address_id IN (SELECT address_id FROM cluster_member WHERE cluster_id = $cluster_id)
ORDER BY wanted.row;
-- name: clusters_of
SELECT ids.address_id, coalesce(cluster.cluster_id, ids.address_id)
FROM (SELECT DISTINCT unnest($ids::INTEGER[]) AS address_id) AS ids LEFT JOIN cluster USING (address_id)
ORDER BY ids.address_id;

-- name: groups
SELECT cluster_id, address_id FROM cluster_member ORDER BY cluster_id, address_id;
