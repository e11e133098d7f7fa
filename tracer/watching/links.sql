-- Clusters under watch: what they became, and what joined them.

-- name: sizes
SELECT cluster_id, count(*) FROM cluster_member WHERE cluster_id IN (SELECT cluster_id FROM watched_cluster)
GROUP BY cluster_id ORDER BY cluster_id;
-- name: merges
-- merges in the blocks looked at, of clusters that are one of `watched_cluster` (watch, cluster_id) now
SELECT w.watch, m.tx_id, m.heuristic, m.kept, m.merged, m.kept_size, m.merged_size, m.alarm
FROM (
    SELECT * FROM cluster_merge WHERE tx_id >= $first AND tx_id < $stop
) AS m
LEFT JOIN cluster AS c ON c.address_id = m.kept
JOIN watched_cluster AS w ON w.cluster_id = coalesce(c.cluster_id, m.kept)
ORDER BY m.tx_id, m.kept, m.merged, w.watch;
-- name: tagged_clusters
-- `found` (place int64, address_id int32): the clusters of addresses of claims
SELECT found.place, coalesce(c.cluster_id, found.address_id) AS cluster_id
FROM found LEFT JOIN (SELECT * FROM cluster WHERE address_id IN (SELECT address_id FROM found)) AS c USING (address_id)
ORDER BY found.place;
