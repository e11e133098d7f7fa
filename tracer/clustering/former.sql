-- Steps from one state of the clusters to the next: the rows that changed, as they were.

-- name: forget
DELETE FROM link_former;
DELETE FROM cluster_former;
-- name: next_step
SELECT coalesce(max(step), 0) + 1 FROM link_former;
-- name: keep_record
INSERT INTO link_former VALUES ($step, $height, $record);
-- name: keep_changed
INSERT INTO cluster_former
SELECT $step, found.address_id, moved.left_id FROM found LEFT JOIN moved USING (address_id) ORDER BY found.address_id;
-- name: keep_all
CREATE OR REPLACE TEMP TABLE cluster_before AS FROM cluster;
-- name: keep_replaced
INSERT INTO cluster_former
SELECT $step, coalesce(f.address_id, c.address_id) AS address_id, f.cluster_id
FROM cluster_before AS f FULL JOIN cluster AS c ON c.address_id = f.address_id
WHERE f.cluster_id IS DISTINCT FROM c.cluster_id ORDER BY address_id;
-- name: drop_all
DROP TABLE cluster_before;
