-- What enters a trace. `members(address_id, seed, since, until)` is the registered seed set: who is in it, and between
-- which times (unix seconds); the times of one address do not overlap.

-- name: outputs_of_tx
SELECT vout, value, address_id FROM txout WHERE tx_id = $tx_id ORDER BY vout;

-- name: cluster_members
SELECT DISTINCT m.address_id
FROM wanted AS w JOIN cluster_member AS m ON m.cluster_id = w.cluster_id
ORDER BY m.address_id;

-- name: clusters_of
SELECT w.address_id, coalesce(c.cluster_id, w.address_id) AS cluster_id
FROM wanted AS w LEFT JOIN cluster AS c ON c.address_id = w.address_id
ORDER BY w.address_id;

-- name: received
-- Every output to the set in the window.
SELECT o.tx_id, o.vout, o.value, m.seed
FROM members AS m
JOIN address_tx AS h ON h.address_id = m.address_id
JOIN txout AS o ON o.tx_id = h.tx_id AND o.address_id = m.address_id
JOIN block AS b ON b.height = (o.tx_id >> 24)
WHERE b.time >= $after AND b.time < $before AND b.time >= m.since AND b.time < m.until
GROUP BY ALL ORDER BY o.tx_id, o.vout;

-- name: inside_inputs
-- What the set and the seeded outputs in `points(tx_id, vout)` put into each transaction of `wanted`; unknown
-- counts inputs whose owner was not read.
SELECT i.tx_id, sum(i.value) FILTER (m.address_id IS NOT NULL OR p.tx_id IS NOT NULL)::BIGINT AS inside,
       count(*) FILTER (i.prev_tx_id IS NULL) AS unknown
FROM wanted AS w
JOIN txin AS i ON i.tx_id = w.tx_id
JOIN block AS b ON b.height = (i.tx_id >> 24)
LEFT JOIN members AS m ON m.address_id = i.address_id AND m.since <= b.time AND b.time < m.until
LEFT JOIN points AS p ON p.tx_id = i.prev_tx_id AND p.vout = i.prev_vout
GROUP BY i.tx_id ORDER BY i.tx_id;

-- name: spending
-- Transactions in the window that spend outputs of the set; `seed` is the first of theirs; `mix`: it mixes.
SELECT s.tx_id, min(m.seed) AS seed, bool_or(x.tx_id IS NOT NULL) AS mix
FROM members AS m
JOIN address_tx AS h ON h.address_id = m.address_id
JOIN txout AS o ON o.tx_id = h.tx_id AND o.address_id = m.address_id
JOIN spend AS s ON s.prev_tx_id = o.tx_id AND s.prev_vout = o.vout
JOIN block AS b ON b.height = (s.tx_id >> 24)
LEFT JOIN mix AS x ON x.tx_id = s.tx_id AND x.stops
WHERE b.time >= $after AND b.time < $before AND b.time >= m.since AND b.time < m.until
GROUP BY s.tx_id ORDER BY s.tx_id;

-- name: sides
-- Outputs of `wanted` transactions, and whether the set receives them.
SELECT o.tx_id, o.vout, o.value, m.address_id IS NOT NULL AS inside
FROM wanted AS w
JOIN txout AS o ON o.tx_id = w.tx_id
JOIN block AS b ON b.height = (o.tx_id >> 24)
LEFT JOIN members AS m ON m.address_id = o.address_id AND m.since <= b.time AND b.time < m.until
ORDER BY o.tx_id, o.vout;

-- name: times
SELECT w.tx_id, b.time FROM wanted AS w JOIN block AS b ON b.height = (w.tx_id >> 24) ORDER BY w.tx_id;
