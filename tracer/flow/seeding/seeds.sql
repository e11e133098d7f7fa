-- What enters a trace. `members(address_id, seed, since, until)` is the registered seed set: who is in it, and between
-- which times (unix seconds); the times of one address do not overlap. Sums are DECIMAL(38, 0): hostile amounts of
-- 2^62 must not wrap.

-- name: outputs_of_txids
-- `asked(place, prefix, txid)` -> every output of the transactions of those names
WITH candidate AS MATERIALIZED (
    SELECT asked.place, asked.txid, txid_lookup.tx_id FROM asked JOIN txid_lookup USING (prefix)
), seen AS MATERIALIZED (
    SELECT tx_id, txid FROM tx WHERE tx_id IN (SELECT tx_id FROM candidate)
), made AS MATERIALIZED (
    SELECT tx_id, vout, value, address_id FROM txout WHERE tx_id IN (SELECT tx_id FROM candidate)
)
SELECT candidate.place, made.tx_id, made.vout, made.value, made.address_id
FROM candidate
JOIN seen ON seen.tx_id = candidate.tx_id AND seen.txid = candidate.txid
JOIN made ON made.tx_id = seen.tx_id
ORDER BY candidate.place, made.tx_id, made.vout;

-- name: transfers_of_txids
-- The same of an account chain: every transfer but gas and such of nothing; `vout` is the position.
WITH candidate AS MATERIALIZED (
    SELECT asked.place, asked.txid, txid_lookup.tx_id FROM asked JOIN txid_lookup USING (prefix)
), seen AS MATERIALIZED (
    SELECT tx_id, txid FROM tx WHERE tx_id IN (SELECT tx_id FROM candidate)
), made AS MATERIALIZED (
    SELECT tx_id, position, amount, target FROM transfer
    WHERE tx_id IN (SELECT tx_id FROM candidate) AND kind NOT IN (5, 6) AND amount IS DISTINCT FROM 0
)
SELECT candidate.place, made.tx_id, made.position AS vout, made.amount AS value, made.target AS address_id
FROM candidate
JOIN seen ON seen.tx_id = candidate.tx_id AND seen.txid = candidate.txid
JOIN made ON made.tx_id = seen.tx_id
ORDER BY candidate.place, made.tx_id, made.position;

-- name: txs_of_txids
-- Transactions of those names on an account chain, whatever they moved; `status`: 0 failed.
WITH candidate AS MATERIALIZED (
    SELECT asked.place, asked.txid, txid_lookup.tx_id FROM asked JOIN txid_lookup USING (prefix)
)
SELECT candidate.place, tx.tx_id, tx.status
FROM candidate JOIN tx ON tx.tx_id = candidate.tx_id AND tx.txid = candidate.txid
WHERE tx.tx_id IN (SELECT tx_id FROM candidate)
ORDER BY candidate.place, tx.tx_id;

-- name: hidden_of_txids
-- Transactions of those names on a chain of outputs: asked of those without any, which only shielded pools make.
WITH candidate AS MATERIALIZED (
    SELECT asked.place, asked.txid, txid_lookup.tx_id FROM asked JOIN txid_lookup USING (prefix)
)
SELECT candidate.place, tx.tx_id, NULL AS status
FROM candidate JOIN tx ON tx.tx_id = candidate.tx_id AND tx.txid = candidate.txid
WHERE tx.tx_id IN (SELECT tx_id FROM candidate)
ORDER BY candidate.place, tx.tx_id;

-- name: cluster_members
SELECT DISTINCT m.cluster_id, m.address_id
FROM wanted AS w JOIN cluster_member AS m ON m.cluster_id = w.cluster_id
ORDER BY m.cluster_id, m.address_id;

-- name: clusters_of
SELECT w.address_id, coalesce(c.cluster_id, w.address_id) AS cluster_id
FROM wanted AS w LEFT JOIN cluster AS c ON c.address_id = w.address_id
ORDER BY w.address_id;

-- name: received
-- Every output to the set in the window; `held`: a service holds it, so that a trace ends there.
WITH history AS MATERIALIZED (
    SELECT DISTINCT address_id, tx_id FROM address_tx WHERE address_id IN (SELECT address_id FROM members)
), made AS MATERIALIZED (
    SELECT tx_id, vout, value, address_id FROM txout WHERE tx_id IN (SELECT tx_id FROM history)
), came AS MATERIALIZED (
    SELECT o.tx_id, o.vout, o.value, o.address_id, min(m.seed) AS seed, b.time
    FROM history AS h
    JOIN made AS o ON o.tx_id = h.tx_id AND o.address_id = h.address_id
    JOIN block AS b ON b.height = (o.tx_id >> 24)
    JOIN members AS m ON m.address_id = h.address_id AND b.time >= m.since AND b.time < m.until
    WHERE b.time >= $after AND b.time < $before
    GROUP BY ALL
), held AS MATERIALIZED (
    SELECT came.tx_id, came.vout FROM came
    JOIN claimed_address AS a ON a.address_id = came.address_id AND a.since <= came.time AND came.time < a.until
    UNION
    SELECT came.tx_id, came.vout FROM came
    LEFT JOIN cluster AS c ON c.address_id = came.address_id
    JOIN claimed_cluster AS a ON a.cluster_id = coalesce(c.cluster_id, came.address_id)
        AND a.since <= came.time AND came.time < a.until
)
SELECT came.tx_id, came.vout, came.value, came.seed, held.tx_id IS NOT NULL AS held
FROM came LEFT JOIN held ON held.tx_id = came.tx_id AND held.vout = came.vout
ORDER BY came.tx_id, came.vout;

-- name: inside_inputs
-- What the set and the seeded outputs in `points(tx_id, vout)` put into each transaction of `wanted`: coins that a trace
-- follows, and those held by a service, where it ends. An address is in the set when it spends, and where $arrived
-- when the coin came to it. `unknown` counts inputs whose owner was not read; what comes out of a shielded pool (kind 11)
-- is of the pool.
WITH spent AS MATERIALIZED (
    SELECT i.tx_id, i.vin, i.prev_tx_id, i.prev_vout, i.value, i.kind, i.address_id, b.time AS spent, p.time AS came
    FROM txin AS i
    JOIN block AS b ON b.height = (i.tx_id >> 24)
    LEFT JOIN block AS p ON p.height = (i.prev_tx_id >> 24)
    WHERE i.tx_id IN (SELECT tx_id FROM wanted)
), own AS MATERIALIZED (
    SELECT s.tx_id, s.vin, s.address_id, s.came FROM spent AS s
    JOIN members AS m ON m.address_id = s.address_id
    WHERE (m.since <= s.spent AND s.spent < m.until) OR ($arrived AND m.since <= s.came AND s.came < m.until)
    UNION
    SELECT s.tx_id, s.vin, s.address_id, s.came FROM spent AS s
    JOIN points AS p ON p.tx_id = s.prev_tx_id AND p.vout = s.prev_vout
), held AS MATERIALIZED (
    SELECT own.tx_id, own.vin FROM own
    JOIN claimed_address AS a ON a.address_id = own.address_id AND a.since <= own.came AND own.came < a.until
    UNION
    SELECT own.tx_id, own.vin FROM own
    LEFT JOIN cluster AS c ON c.address_id = own.address_id
    JOIN claimed_cluster AS a ON a.cluster_id = coalesce(c.cluster_id, own.address_id)
        AND a.since <= own.came AND own.came < a.until
)
SELECT s.tx_id,
       coalesce(sum(s.value) FILTER (own.tx_id IS NOT NULL AND held.tx_id IS NULL), 0)::DECIMAL(38, 0) AS followed,
       coalesce(sum(s.value) FILTER (held.tx_id IS NOT NULL), 0)::DECIMAL(38, 0) AS held,
       count(*) FILTER (s.prev_tx_id IS NULL AND s.kind IS DISTINCT FROM 11) AS unknown
FROM spent AS s
LEFT JOIN own ON own.tx_id = s.tx_id AND own.vin = s.vin
LEFT JOIN held ON held.tx_id = s.tx_id AND held.vin = s.vin
GROUP BY s.tx_id ORDER BY s.tx_id;

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
