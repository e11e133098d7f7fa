-- Who stands behind an address: claims resolved to the ledger's ids, for the time of one question.

-- name: clusters_of_claims
-- `found` holds (place int64, address_id integer): the row of a claim, and its address
SELECT found.place AS claim, found.address_id, coalesce(linked.cluster_id, found.address_id) AS cluster_id
FROM found LEFT JOIN (
    SELECT address_id, cluster_id FROM cluster WHERE address_id IN (SELECT address_id FROM found)
) AS linked USING (address_id)
ORDER BY claim, found.address_id;

-- name: make_claimed
CREATE OR REPLACE TEMP TABLE claimed_address (address_id INTEGER, since BIGINT, until BIGINT, holding INTEGER);
CREATE OR REPLACE TEMP TABLE claimed_cluster (cluster_id INTEGER, since BIGINT, until BIGINT, holding INTEGER);
-- name: fill_claimed_address
INSERT INTO claimed_address SELECT address_id, since, until, holding FROM held ORDER BY address_id, since;
-- name: fill_claimed_cluster
INSERT INTO claimed_cluster SELECT cluster_id, since, until, holding FROM held ORDER BY cluster_id, since;
