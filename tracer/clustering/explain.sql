-- What joins two addresses of one cluster.

-- name: members
-- of a cluster of the conservative tier, which may be one address alone; in the extended tier, of all clusters of an overlay
WITH part AS (
    SELECT $cluster_id::INTEGER AS cluster_id
    UNION SELECT cluster_id FROM overlay_member WHERE $extended AND overlay_id = $cluster_id
)
SELECT address_id FROM (
    SELECT cluster_id AS address_id FROM part
    UNION SELECT address_id FROM cluster_member SEMI JOIN part USING (cluster_id)
) ORDER BY address_id;
-- name: spends
-- the inputs of `member` (address_id, node) that tell one owner
SELECT tx_id, vin, node FROM txin JOIN member USING (address_id)
ANTI JOIN (
    SELECT tx_id FROM mix WHERE apart
    UNION ALL SELECT tx_id FROM refused_link WHERE tier = 'conservative' AND heuristic = $co_spend
    UNION ALL SELECT unnest($split::BIGINT[])
) AS kept_out USING (tx_id)
WHERE tx_id < $stop AND kind IS DISTINCT FROM $anyone
ORDER BY tx_id, vin;
-- name: pairs
-- links of two members that are no common spend: same key, an analyst's word (`said`), the extended tier
WITH pair AS (
    SELECT tx_id, 1 AS source, a, b, $same_key AS heuristic, '' AS agreed, NULL::INTEGER AS confidence, -1 AS said
    FROM key_link
    WHERE NOT EXISTS (
        SELECT 1 FROM refused_link
        WHERE tier = 'conservative' AND refused_link.heuristic = $same_key AND refused_link.tx_id = key_link.tx_id
            AND least(refused_link.a, refused_link.b) = least(key_link.a, key_link.b)
            AND greatest(refused_link.a, refused_link.b) = greatest(key_link.a, key_link.b)
    )
    UNION ALL SELECT NULL, 2, a, b, $override, '', NULL, said FROM said
    UNION ALL SELECT tx_id, 3, a, b, heuristic, agreed, confidence, -1 FROM overlay_link WHERE $extended
),
inside AS MATERIALIZED (
    SELECT pair.*, left_end.node AS left_node, right_end.node AS right_node
    FROM pair JOIN member AS left_end ON a = left_end.address_id JOIN member AS right_end ON b = right_end.address_id
    WHERE tx_id IS NULL OR tx_id < $stop
),
named AS (
    SELECT address_id, {'kind': kind, 'payload': payload} AS name
    FROM address SEMI JOIN (SELECT a AS address_id FROM inside UNION SELECT b FROM inside) USING (address_id)
)
SELECT tx_id, coalesce(tx_id, $stop) AS place, heuristic, agreed, confidence, said, left_node, right_node
FROM inside JOIN named AS x ON a = x.address_id JOIN named AS y ON b = y.address_id
ORDER BY tx_id NULLS LAST, source, least(x.name, y.name), greatest(x.name, y.name), heuristic, said;
-- name: input_kinds
SELECT tx_id, min(kind), max(kind) FROM txin WHERE tx_id IN (SELECT unnest($ids::BIGINT[])) GROUP BY tx_id;
-- name: transactions
SELECT tx_id, txid, time FROM tx JOIN block ON height = (tx_id >> 24)
WHERE tx_id IN (SELECT unnest($ids::BIGINT[])) ORDER BY tx_id;
