-- Who stands behind an address: claims resolved to the ledger's ids, for the time of one question.

-- name: resolve_tags
-- `said` holds (claim int64, prefix int64, kind uint8, payload blob); addresses the ledger never saw drop out
SELECT said.claim, address.address_id, coalesce(cluster.cluster_id, address.address_id) AS cluster_id
FROM said
JOIN address_lookup ON address_lookup.prefix = said.prefix
JOIN address ON address.address_id = address_lookup.address_id
    AND address.kind = said.kind AND address.payload = said.payload
LEFT JOIN cluster ON cluster.address_id = address.address_id
ORDER BY said.claim, address.address_id;

-- name: make_claimed
CREATE OR REPLACE TEMP TABLE claimed_address (address_id INTEGER, holding INTEGER);
CREATE OR REPLACE TEMP TABLE claimed_cluster (cluster_id INTEGER, holding INTEGER);
-- name: fill_claimed_address
INSERT INTO claimed_address SELECT address_id, holding FROM held ORDER BY address_id;
-- name: fill_claimed_cluster
INSERT INTO claimed_cluster SELECT cluster_id, holding FROM held ORDER BY cluster_id;
