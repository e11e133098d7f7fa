-- What an override is held against.

-- name: input_addresses
SELECT count(DISTINCT address_id) FROM txin WHERE tx_id IN (SELECT unnest($ids));
-- name: clusters_of
SELECT ids.address_id, coalesce(cluster.cluster_id, ids.address_id)
FROM (SELECT DISTINCT unnest($ids::INTEGER[]) AS address_id) AS ids LEFT JOIN cluster USING (address_id)
ORDER BY ids.address_id;
-- name: known_in
-- `known` holds (address_id, name, claim_id): whose an address is, and who says so
SELECT coalesce(cluster.cluster_id, known.address_id), known.address_id, known.name, known.claim_id
FROM known LEFT JOIN cluster USING (address_id)
WHERE coalesce(cluster.cluster_id, known.address_id) IN (SELECT unnest($ids::INTEGER[]))
ORDER BY known.address_id;
