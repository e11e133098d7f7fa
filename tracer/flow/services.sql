-- Who stands behind an address: claims resolved to the ledger's ids, for the time of one question.

-- name: resolve_tags
-- `said` holds (claim int64, prefix int64, kind uint8, payload blob); addresses the ledger never saw drop out
-- (IN prunes the large tables to the candidates before anything is joined: half the time)
WITH candidate AS MATERIALIZED (
    SELECT said.claim, said.kind, said.payload, address_lookup.address_id FROM said JOIN address_lookup USING (prefix)
), seen AS MATERIALIZED (
    SELECT address_id, kind, payload FROM address WHERE address_id IN (SELECT address_id FROM candidate)
), linked AS MATERIALIZED (
    SELECT address_id, cluster_id FROM cluster WHERE address_id IN (SELECT address_id FROM candidate)
)
SELECT candidate.claim, seen.address_id, coalesce(linked.cluster_id, seen.address_id) AS cluster_id
FROM candidate
JOIN seen ON seen.address_id = candidate.address_id
    AND seen.kind = candidate.kind AND seen.payload = candidate.payload
LEFT JOIN linked ON linked.address_id = seen.address_id
ORDER BY candidate.claim, seen.address_id;

-- name: make_claimed
CREATE OR REPLACE TEMP TABLE claimed_address (address_id INTEGER, since BIGINT, until BIGINT, holding INTEGER);
CREATE OR REPLACE TEMP TABLE claimed_cluster (cluster_id INTEGER, since BIGINT, until BIGINT, holding INTEGER);
-- name: fill_claimed_address
INSERT INTO claimed_address SELECT address_id, since, until, holding FROM held ORDER BY address_id, since;
-- name: fill_claimed_cluster
INSERT INTO claimed_cluster SELECT cluster_id, since, until, holding FROM held ORDER BY cluster_id, since;
