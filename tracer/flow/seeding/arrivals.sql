-- Seeds of a backward trace. `wanted(tx_id)` are transactions by which money arrived in the seed set from outside;
-- `members(address_id, seed, since, until)` is the set, `points(tx_id, vout)` are lots.

-- name: inside
-- What these transactions spend of the set, or of the lots, as `inside_inputs` of seeds.sql counts it. `held`: a
-- service held the coin, and it is asked for lots: where the service paid with it, it came from that service.
WITH spent AS MATERIALIZED (
    SELECT i.tx_id, i.prev_tx_id, i.prev_vout, i.address_id, b.time AS spent, p.time AS came
    FROM txin AS i
    JOIN block AS b ON b.height = (i.tx_id >> 24)
    LEFT JOIN block AS p ON p.height = (i.prev_tx_id >> 24)
    WHERE i.tx_id IN (SELECT tx_id FROM wanted)
), own AS MATERIALIZED (
    SELECT s.tx_id, s.prev_tx_id, s.prev_vout, s.address_id, s.came FROM spent AS s
    JOIN members AS m ON m.address_id = s.address_id
    WHERE (m.since <= s.spent AND s.spent < m.until) OR (NOT $entity AND m.since <= s.came AND s.came < m.until)
    UNION
    SELECT s.tx_id, s.prev_tx_id, s.prev_vout, s.address_id, s.came FROM spent AS s
    JOIN points AS p ON p.tx_id = s.prev_tx_id AND p.vout = s.prev_vout
), held AS MATERIALIZED (
    SELECT own.prev_tx_id, own.prev_vout FROM own
    JOIN claimed_address AS a ON a.address_id = own.address_id AND a.since <= own.came AND own.came < a.until
    UNION
    SELECT own.prev_tx_id, own.prev_vout FROM own
    LEFT JOIN cluster AS c ON c.address_id = own.address_id
    JOIN claimed_cluster AS a ON a.cluster_id = coalesce(c.cluster_id, own.address_id)
        AND a.since <= own.came AND own.came < a.until
)
SELECT own.tx_id, own.prev_tx_id, own.prev_vout, NOT $entity AND held.prev_tx_id IS NOT NULL AS held FROM own
LEFT JOIN held ON held.prev_tx_id = own.prev_tx_id AND held.prev_vout = own.prev_vout
ORDER BY own.tx_id, own.prev_tx_id, own.prev_vout;

-- name: turnable
-- Those whose inputs were all read, that spend something, and that do not mix.
SELECT tx_id FROM tx
WHERE tx_id IN (SELECT tx_id FROM wanted) AND inputs > 0 AND fee IS NOT NULL
    AND tx_id NOT IN (SELECT tx_id FROM mix WHERE stops)
ORDER BY tx_id;

-- name: outputs
SELECT tx_id, vout, value, address_id FROM txout
WHERE tx_id IN (SELECT tx_id FROM wanted) ORDER BY tx_id, vout;
