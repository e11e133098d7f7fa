-- Who may have got change: the outputs of payments, with what change heuristics look at.

-- name: outputs
-- A candidate transaction spends coins of one conservative cluster only, all of them read, is no mix nor may be one,
-- and has 2 to $most spendable outputs, each with an address. One row per such output:
--   tx_id, vout, value, kind, address_id
--   payer            the inputs' cluster; payer_address its input first in order
--   cluster_id       the output's cluster; own: it is the payer's
--   n_out, n_in      spendable outputs, inputs
--   in_min           least input value
--   in_kind          script kind of the inputs; NULL where they differ
--   version, locked, replaceable    of this transaction: version, locktime set, BIP 125 signalled
--   fresh            the chain shows the address here for the first time
--   peeled           this transaction and the one it spends both have one input and two outputs
--   spent            the output was spent in what was read; then of the spender:
--   s_version, s_locked, s_replaceable, s_kind (NULL where they differ), s_in, s_out
WITH plain AS MATERIALIZED (
    SELECT tx_id, version, locktime > 0 AS locked, inputs FROM tx
    ANTI JOIN (SELECT tx_id FROM mix WHERE apart) AS kept_out USING (tx_id)
    WHERE tx_id >= $start AND tx_id < $stop AND inputs >= 1 AND outputs >= 2 AND outputs <= $most + 1
),
spending AS MATERIALIZED (
    SELECT txin.tx_id, any_value(version) AS version, any_value(locked) AS locked, any_value(inputs) AS n_in,
           min(value) AS in_min, min(kind) AS low, max(kind) AS high, min(sequence) < $replaceable AS replaceable,
           min(coalesce(c.cluster_id, txin.address_id)) AS payer, arg_min(txin.address_id, vin) AS payer_address,
           min(prev_tx_id) AS prev_tx_id
    FROM txin JOIN plain USING (tx_id) LEFT JOIN cluster AS c ON c.address_id = txin.address_id
    WHERE txin.tx_id >= $start AND txin.tx_id < $stop
    GROUP BY txin.tx_id
    HAVING count(value) = count(*) AND count(txin.address_id) = count(*)
       AND min(coalesce(c.cluster_id, txin.address_id)) = max(coalesce(c.cluster_id, txin.address_id))
),
paid AS MATERIALIZED (
    SELECT tx_id, vout, value, kind, address_id FROM txout SEMI JOIN spending USING (tx_id)
    WHERE tx_id >= $start AND tx_id < $stop AND kind <> $op_return
),
counted AS (
    SELECT tx_id, count(*) AS n_out FROM paid GROUP BY tx_id
    HAVING count(*) BETWEEN 2 AND $most AND count(address_id) = count(*)
),
candidate AS MATERIALIZED (SELECT paid.*, n_out FROM paid JOIN counted USING (tx_id)),
first_shown AS (
    SELECT address_id, min(tx_id) AS tx_id FROM address_tx
    WHERE address_id IN (SELECT address_id FROM candidate) GROUP BY address_id
),
onward AS MATERIALIZED (
    SELECT candidate.tx_id, vout, s.tx_id AS spender FROM candidate
    JOIN spend AS s ON s.prev_tx_id = candidate.tx_id AND s.prev_vout = vout
),
spender AS (
    SELECT t.tx_id, any_value(t.version) AS s_version, any_value(t.locktime > 0) AS s_locked, any_value(t.inputs) AS s_in,
           any_value(t.outputs) AS s_out, min(i.sequence) < $replaceable AS s_replaceable,
           CASE WHEN min(i.kind) = max(i.kind) AND count(i.kind) = count(*) THEN min(i.kind) END AS s_kind
    FROM tx AS t JOIN txin AS i ON i.tx_id = t.tx_id
    WHERE t.tx_id IN (SELECT spender FROM onward) AND i.tx_id IN (SELECT spender FROM onward)
    GROUP BY t.tx_id
)
SELECT o.tx_id, o.vout, o.value, o.kind, o.address_id, g.payer, g.payer_address,
       coalesce(k.cluster_id, o.address_id) AS cluster_id, coalesce(k.cluster_id, o.address_id) = g.payer AS own,
       o.n_out, g.n_in, g.in_min, CASE WHEN g.low = g.high THEN g.low END AS in_kind,
       g.version, g.locked, g.replaceable, f.tx_id = o.tx_id AS fresh,
       g.n_in = 1 AND o.n_out = 2 AND coalesce(before.inputs = 1 AND before.outputs = 2, FALSE) AS peeled,
       n.spender IS NOT NULL AS spent, s_version, s_locked, s_replaceable, s_kind, s_in, s_out
FROM candidate AS o JOIN spending AS g USING (tx_id)
JOIN first_shown AS f ON f.address_id = o.address_id
LEFT JOIN cluster AS k ON k.address_id = o.address_id
LEFT JOIN tx AS before ON before.tx_id = g.prev_tx_id
LEFT JOIN onward AS n ON n.tx_id = o.tx_id AND n.vout = o.vout
LEFT JOIN spender ON spender.tx_id = n.spender
ORDER BY o.tx_id, o.vout;

-- name: sweeps
-- Deposit addresses: `hot(address_id, party)` are where services sweep to. A sweep pays nobody but one party's hot
-- addresses, and was not refused or cut (`left_out`) as signed by several. A deposit address, and whoever shares its
-- conservative cluster, spends in sweeps to that one party only, the address in at most $most transactions.
WITH paying AS MATERIALIZED (
    SELECT DISTINCT tx_id FROM txout WHERE address_id IN (SELECT address_id FROM hot)
),
sweep AS MATERIALIZED (
    SELECT tx_id, min(party) AS party, arg_min(address_id, vout) AS hot_address
    FROM txout JOIN paying USING (tx_id) LEFT JOIN hot USING (address_id)
    WHERE kind <> $op_return
    GROUP BY tx_id HAVING count(party) = count(*) AND min(party) = max(party)
),
swept AS MATERIALIZED (
    SELECT DISTINCT tx_id, i.address_id, party, hot_address, coalesce(c.cluster_id, i.address_id) AS cluster_id
    FROM txin AS i JOIN sweep USING (tx_id) LEFT JOIN cluster AS c ON c.address_id = i.address_id
    ANTI JOIN (
        SELECT tx_id FROM mix WHERE apart UNION ALL SELECT tx_id FROM left_out
        UNION ALL SELECT tx_id FROM refused_link WHERE tier = 'conservative' AND heuristic = 'co_spend'
    ) AS kept_out USING (tx_id)
    WHERE i.address_id IS NOT NULL
),
wallet AS MATERIALIZED (
    SELECT cluster_id, count(DISTINCT tx_id) AS sweeps FROM swept
    GROUP BY cluster_id HAVING min(party) = max(party)
),
member AS MATERIALIZED (
    SELECT cluster_id, address_id FROM cluster_member WHERE cluster_id IN (SELECT cluster_id FROM wallet)
    UNION SELECT cluster_id, cluster_id FROM wallet
),
spends AS MATERIALIZED (
    SELECT cluster_id, count(DISTINCT tx_id) AS spends
    FROM (SELECT tx_id, address_id FROM txin WHERE address_id IN (SELECT address_id FROM member)) JOIN member USING (address_id)
    GROUP BY cluster_id
),
history AS MATERIALIZED (
    SELECT address_id, count(*) AS busy FROM address_tx
    WHERE address_id IN (SELECT address_id FROM swept) GROUP BY address_id
),
first_sweep AS (SELECT address_id, min(tx_id) AS tx_id FROM swept GROUP BY address_id)
SELECT tx_id, hot_address, address_id
FROM first_sweep JOIN swept USING (tx_id, address_id) JOIN wallet USING (cluster_id) JOIN spends USING (cluster_id)
JOIN history USING (address_id) ANTI JOIN hot USING (address_id)
WHERE sweeps = spends AND busy <= $most
ORDER BY tx_id, address_id;

-- name: heights
-- block ranges of about $size transactions each
SELECT min(height), max(height) + 1, sum(tx_count)::BIGINT FROM (
    SELECT height, tx_count, (sum(tx_count) OVER (ORDER BY height) - tx_count) // $size AS chunk FROM block
) GROUP BY chunk ORDER BY chunk;
-- name: keep_links
INSERT INTO overlay_link SELECT tx_id, a, b, heuristic, agreed, confidence FROM found ORDER BY row;
-- name: keep_overlay
INSERT INTO overlay SELECT cluster_id, overlay_id FROM found ORDER BY cluster_id;
-- name: keep_overlay_members
INSERT INTO overlay_member SELECT overlay_id, cluster_id FROM (
    SELECT overlay_id, cluster_id FROM found UNION SELECT overlay_id, overlay_id FROM found
) ORDER BY overlay_id, cluster_id;
-- name: keep_refused
INSERT INTO refused_link BY NAME SELECT tier, tx_id, heuristic, a, b, reason FROM found ORDER BY row;
