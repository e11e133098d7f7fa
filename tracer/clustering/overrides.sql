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
-- name: signed_together
-- Who signed the transactions that overrides took apart: those they name ($cuts), and those refused for a split pair.
SELECT r.a, r.b, i.tx_id, i.address_id FROM (
    SELECT tx_id, a, b FROM refused_link WHERE tier = 'conservative' AND reason = 'split' AND tx_id >= 0
    UNION SELECT tx_id, NULL, NULL FROM (SELECT unnest($cuts::BIGINT[]) AS tx_id)
) AS r JOIN txin AS i ON i.tx_id = r.tx_id
WHERE i.address_id IS NOT NULL ORDER BY ALL;
