-- What two clusters (`side`: address_id, side 0 or 1, asked) have in common, and why it did not join them.

-- name: members
-- of both, with the addresses that were asked for
WITH part AS (
    SELECT $first::INTEGER AS cluster_id, 0 AS side UNION ALL SELECT $second, 1
    UNION SELECT cluster_id, 0 FROM overlay_member WHERE $extended AND overlay_id = $first
    UNION SELECT cluster_id, 1 FROM overlay_member WHERE $extended AND overlay_id = $second
)
SELECT address_id, side, address_id IN ($a, $b) AS asked FROM (
    SELECT coalesce(m.address_id, part.cluster_id) AS address_id, side
    FROM part LEFT JOIN cluster_member AS m ON m.cluster_id = part.cluster_id
) ORDER BY address_id;
-- name: spent_together
-- Transactions in which members of both were spent, those of the asked addresses themselves first. Every one of
-- them was kept out of the clusters: where it is neither mix, refused nor split, an input was anyone's to spend.
WITH spent AS MATERIALIZED (
    SELECT tx_id, side, bool_or(asked) AS asked, min({'other': NOT asked, 'vin': vin, 'address_id': address_id}) AS one
    FROM txin JOIN side USING (address_id) WHERE tx_id < $stop GROUP BY tx_id, side
)
SELECT NOT (x.asked AND y.asked) AS others, x.tx_id, x.one.vin, x.one.address_id, y.one.vin, y.one.address_id,
       mix.kind, mix.participants, mix.confidence, r.heuristic, r.reason, r.a, r.b, count(*) OVER () AS total
FROM spent AS x JOIN spent AS y ON x.tx_id = y.tx_id AND x.side = 0 AND y.side = 1
LEFT JOIN mix ON mix.tx_id = x.tx_id AND mix.apart
LEFT JOIN refused_link AS r ON r.tx_id = x.tx_id AND r.tier = 'conservative' AND r.heuristic = $co_spend
ORDER BY others, x.tx_id LIMIT $limit;
-- name: refused
-- Other evidence for a link between the two that was refused; of the extended tier only where that was asked.
SELECT NOT (x.asked AND y.asked) AS others, r.tx_id, NULL AS vin_x, x.address_id, NULL AS vin_y, y.address_id,
       NULL AS kind, NULL AS participants, NULL AS confidence, r.heuristic, r.reason, r.a, r.b, count(*) OVER () AS total
FROM refused_link AS r
JOIN side AS x ON x.address_id IN (r.a, r.b) AND x.side = 0
JOIN side AS y ON y.address_id IN (r.a, r.b) AND y.side = 1
JOIN address AS p ON p.address_id = x.address_id JOIN address AS q ON q.address_id = y.address_id
WHERE r.tx_id < $stop AND (r.tier = 'conservative' AND r.heuristic <> $co_spend OR r.tier = 'extended' AND $extended)
ORDER BY others, r.tx_id, r.heuristic, p.kind, p.payload, q.kind, q.payload, r.reason LIMIT $limit;
-- name: parties
-- whose the conservative clusters of some addresses are known to be (`known`: address_id, party)
WITH asked AS (
    SELECT ids.address_id, coalesce(cluster_id, ids.address_id) AS cluster_id
    FROM (SELECT DISTINCT unnest($ids::INTEGER[]) AS address_id) AS ids LEFT JOIN cluster USING (address_id)
)
SELECT DISTINCT asked.address_id, party
FROM known LEFT JOIN cluster USING (address_id)
JOIN asked ON asked.cluster_id = coalesce(cluster.cluster_id, known.address_id) ORDER BY ALL;
