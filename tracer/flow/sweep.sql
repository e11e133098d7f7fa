-- The chain read in order, a stretch at a time: `[$first, $until)` are tx_ids at the borders of blocks. Inputs and
-- outputs lie in the store in chain order and are read as they lie (`preserve_insertion_order`), for sorting takes three
-- times as long as reading; the reader looks at the order and sorts what is not.

-- name: stretches
-- Runs of blocks with at least $size transactions each, the last one with what is left, from a height on.
SELECT min(height) AS first, max(height) AS last
FROM (
    SELECT height, (sum(tx_count) OVER (ORDER BY height) - tx_count) // $size AS stretch
    FROM block WHERE height >= $height
)
GROUP BY stretch ORDER BY first;

-- name: txs
SELECT t.tx_id, t.fee, t.inputs, t.outputs, b.time, m.tx_id IS NOT NULL AS mix
FROM tx AS t
JOIN block AS b ON b.height = (t.tx_id >> 24)
LEFT JOIN mix AS m ON m.tx_id = t.tx_id AND m.stops
WHERE t.tx_id >= $first AND t.tx_id < $until
ORDER BY t.tx_id;

-- name: inputs
SELECT tx_id, vin, prev_tx_id, prev_vout, value, address_id
FROM txin WHERE tx_id >= $first AND tx_id < $until;

-- name: outputs
SELECT tx_id, vout, value, kind, address_id
FROM txout WHERE tx_id >= $first AND tx_id < $until;

-- name: held
-- `made` as `outputs` gives it: with the cluster, and who is claimed to hold it; the columns of closure.sql `outputs`.
WITH asked AS MATERIALIZED (
    SELECT DISTINCT address_id FROM made
), linked AS MATERIALIZED (
    SELECT address_id, cluster_id FROM cluster SEMI JOIN asked USING (address_id)
)
SELECT o.tx_id, o.vout, o.value, o.kind, o.address_id, coalesce(c.cluster_id, o.address_id) AS cluster_id,
       coalesce(ca.holding, cc.holding) AS holding, cc.holding AS cluster_holding
FROM made AS o
JOIN block AS b ON b.height = (o.tx_id >> 24)
LEFT JOIN claimed_address AS ca ON ca.address_id = o.address_id AND ca.since <= b.time AND b.time < ca.until
LEFT JOIN linked AS c ON c.address_id = o.address_id
LEFT JOIN claimed_cluster AS cc ON cc.cluster_id = coalesce(c.cluster_id, o.address_id)
    AND cc.since <= b.time AND b.time < cc.until
ORDER BY o.tx_id, o.vout;
