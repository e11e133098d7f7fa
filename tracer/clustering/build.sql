-- What a build reads and writes.

-- name: addresses
SELECT count(*) FROM address;
-- name: below
-- blocks and unresolved inputs up to a height: when these change, so may the links
SELECT (SELECT count(*) FROM block WHERE height <= $height),
       (SELECT count(*) FROM pending_spend WHERE tx_id < $next);
-- name: blocks_below
SELECT count(*) FROM block WHERE height <= $height;
-- name: forget_links
DELETE FROM mix;
DELETE FROM cluster;
DELETE FROM cluster_member;
DELETE FROM cluster_merge;
DELETE FROM refused_link WHERE tier = 'conservative';
-- name: forget_overlay
DELETE FROM overlay_link;
DELETE FROM overlay;
DELETE FROM overlay_member;
DELETE FROM refused_link WHERE tier = 'extended';
-- name: keep_mixes
INSERT INTO mix BY NAME SELECT tx_id, kind, participants, denominations, confidence, apart, stops FROM found ORDER BY tx_id;
-- name: excluded
SELECT kind, count(*) FROM mix WHERE apart GROUP BY kind ORDER BY kind;
-- name: co_spent
-- `left_out` holds transactions that an analyst says were signed by several parties
SELECT tx_id, address_id FROM txin
ANTI JOIN (SELECT tx_id FROM mix WHERE apart UNION ALL SELECT tx_id FROM left_out) AS kept_out USING (tx_id)
WHERE tx_id >= $first AND tx_id < $stop AND address_id IS NOT NULL AND kind IS DISTINCT FROM $anyone
ORDER BY tx_id, address_id;
-- name: clustered
SELECT address_id, cluster_id FROM cluster ORDER BY address_id;
-- name: leave_clusters
DELETE FROM cluster WHERE address_id IN (SELECT address_id FROM moved);
-- name: leave_members
DELETE FROM cluster_member USING moved
WHERE cluster_member.cluster_id = moved.left_id AND cluster_member.address_id = moved.address_id;
-- name: keep_clusters
INSERT INTO cluster SELECT address_id, cluster_id FROM found ORDER BY address_id;
-- name: keep_members
INSERT INTO cluster_member SELECT cluster_id, address_id FROM found ORDER BY cluster_id, address_id;
-- name: keep_merges
INSERT INTO cluster_merge
SELECT tx_id, heuristic, kept, merged, kept_size, merged_size, alarm FROM found ORDER BY row;
-- name: keep_refused
INSERT INTO refused_link BY NAME SELECT tier, tx_id, heuristic, a, b, reason FROM found ORDER BY tx_id, a, b, heuristic;
-- name: noted
SELECT (SELECT count(*) FROM refused_link WHERE tier = $tier),
       (SELECT count(*) FROM cluster_merge WHERE alarm),
       (SELECT count(*) FROM key_link)
           - (SELECT count(*) FROM refused_link WHERE tier = 'conservative' AND heuristic = 'same_key');
-- name: refused_joins
SELECT count(*) FROM refused_link WHERE heuristic = 'override_join';
-- name: record
INSERT OR REPLACE INTO meta VALUES ($key, $state);
-- name: unrecord
DELETE FROM meta WHERE key = $key;
-- name: recorded
SELECT value FROM meta WHERE key = $key;
-- name: block_at
SELECT hash, time FROM block WHERE height = $height;
