-- What is asked of clusters that were built. With $extended, of the overlay: the conservative clusters it joins.

-- name: size
WITH part AS (
    SELECT $cluster_id::INTEGER AS cluster_id
    UNION SELECT cluster_id FROM overlay_member WHERE $extended AND overlay_id = $cluster_id
)
SELECT count(*) FROM part LEFT JOIN cluster_member USING (cluster_id);
-- name: members
-- in the order in which the chain shows them
WITH part AS (
    SELECT $cluster_id::INTEGER AS cluster_id
    UNION SELECT cluster_id FROM overlay_member WHERE $extended AND overlay_id = $cluster_id
),
member AS MATERIALIZED (
    SELECT coalesce(m.address_id, part.cluster_id) AS address_id
    FROM part LEFT JOIN cluster_member AS m ON m.cluster_id = part.cluster_id
),
seen AS MATERIALIZED (
    SELECT address_id, min(tx_id) AS tx_id FROM address_tx SEMI JOIN member USING (address_id) GROUP BY address_id
),
place AS (
    SELECT address_id, tx_id, vin AS place FROM seen JOIN txin USING (tx_id, address_id)
    UNION ALL
    SELECT address_id, tx_id, 16777216 + vout FROM seen JOIN txout USING (tx_id, address_id)
)
SELECT address_id FROM place GROUP BY address_id ORDER BY min(tx_id), min(place) LIMIT $limit;
-- name: members_of_accounts
WITH part AS (
    SELECT $cluster_id::INTEGER AS cluster_id
    UNION SELECT cluster_id FROM overlay_member WHERE $extended AND overlay_id = $cluster_id
)
SELECT coalesce(m.address_id, part.cluster_id) AS address_id
FROM part LEFT JOIN cluster_member AS m ON m.cluster_id = part.cluster_id ORDER BY address_id;
-- name: among
-- which of the registered (kind, payload) rows are members
WITH part AS (
    SELECT $cluster_id::INTEGER AS cluster_id
    UNION SELECT cluster_id FROM overlay_member WHERE $extended AND overlay_id = $cluster_id
),
member AS MATERIALIZED (
    SELECT coalesce(m.address_id, part.cluster_id) AS address_id
    FROM part LEFT JOIN cluster_member AS m ON m.cluster_id = part.cluster_id
)
SELECT wanted.row FROM wanted JOIN address USING (kind, payload)
WHERE address_id IN (SELECT address_id FROM member) ORDER BY wanted.row;
-- name: clusters_of
SELECT ids.address_id, CASE WHEN $extended THEN coalesce(o.overlay_id, c.cluster_id, ids.address_id)
                            ELSE coalesce(c.cluster_id, ids.address_id) END
FROM (SELECT DISTINCT unnest($ids::INTEGER[]) AS address_id) AS ids
LEFT JOIN cluster AS c ON c.address_id = ids.address_id
LEFT JOIN overlay AS o ON $extended AND o.cluster_id = coalesce(c.cluster_id, ids.address_id)
ORDER BY ids.address_id;
-- name: groups
SELECT cluster_id, address_id FROM cluster_member ORDER BY cluster_id, address_id;
-- name: merges
-- where the clusters that are one now became one, latest first: two of two addresses or more
SELECT m.tx_id, b.height, m.heuristic, m.kept, m.merged, m.kept_size, m.merged_size, m.alarm
FROM cluster_merge AS m JOIN block AS b ON b.height = (m.tx_id >> 24)
WHERE m.kept IN (
    SELECT $cluster_id UNION SELECT address_id FROM cluster_member WHERE cluster_id = $cluster_id
) ORDER BY m.tx_id DESC, m.kept, m.merged LIMIT $limit;
-- name: alarms
SELECT m.tx_id, m.heuristic, m.kept, m.merged, m.kept_size, m.merged_size, coalesce(c.cluster_id, m.kept) AS cluster_id
FROM cluster_merge AS m LEFT JOIN cluster AS c ON c.address_id = m.kept
WHERE m.alarm ORDER BY least(m.kept_size, m.merged_size) DESC, m.tx_id, m.kept, m.merged;
-- name: refused
-- what is still apart: per reason and pair of clusters as they are now, how often, the first time, and the sizes
WITH still AS (
    SELECT r.*, coalesce(ca.cluster_id, r.a) AS a_conservative, coalesce(cb.cluster_id, r.b) AS b_conservative
    FROM refused_link AS r
    LEFT JOIN cluster AS ca ON ca.address_id = r.a LEFT JOIN cluster AS cb ON cb.address_id = r.b
    WHERE $tier IS NULL OR r.tier = $tier
),
named AS (
    SELECT still.* EXCLUDE (a_conservative, b_conservative), a_conservative, b_conservative,
           CASE WHEN tier = 'extended' THEN coalesce(oa.overlay_id, a_conservative) ELSE a_conservative END AS a_cluster,
           CASE WHEN tier = 'extended' THEN coalesce(ob.overlay_id, b_conservative) ELSE b_conservative END AS b_cluster
    FROM still
    LEFT JOIN overlay AS oa ON oa.cluster_id = a_conservative
    LEFT JOIN overlay AS ob ON ob.cluster_id = b_conservative
),
apart AS MATERIALIZED (SELECT * FROM named WHERE a_cluster <> b_cluster),
part AS MATERIALIZED (
    SELECT DISTINCT tier, a_cluster AS whole, a_cluster AS cluster_id FROM apart
    UNION SELECT tier, b_cluster, b_cluster FROM apart
    UNION SELECT tier, overlay_id, o.cluster_id FROM apart
    JOIN overlay_member AS o ON tier = 'extended' AND o.overlay_id IN (a_cluster, b_cluster)
),
sized AS MATERIALIZED (
    SELECT tier, whole, count(*) AS size FROM part LEFT JOIN cluster_member USING (cluster_id) GROUP BY tier, whole
)
SELECT apart.tier, reason, min(tx_id) AS tx_id, count(*) AS times, arg_min(heuristic, (tx_id, a, b)),
       arg_min(a, (tx_id, a, b)) AS a, arg_min(b, (tx_id, a, b)) AS b, a_cluster, b_cluster,
       any_value(sa.size) AS a_size, any_value(sb.size) AS b_size
FROM apart
JOIN sized AS sa ON sa.tier = apart.tier AND sa.whole = a_cluster
JOIN sized AS sb ON sb.tier = apart.tier AND sb.whole = b_cluster
GROUP BY apart.tier, reason, a_cluster, b_cluster
ORDER BY apart.tier, least(a_size, b_size) DESC, times DESC, tx_id, a, b, reason;
