-- One hop of a closure. `frontier(tx_id, vout)` and `wanted(tx_id)` are registered frames, small against the
-- tables; DuckDB prunes the sorted tables by the frames' least and greatest key.

-- name: spenders
WITH spent AS MATERIALIZED (
    SELECT f.tx_id AS from_tx, f.vout AS from_vout, s.tx_id
    FROM frontier AS f JOIN spend AS s ON s.prev_tx_id = f.tx_id AND s.prev_vout = f.vout
), spender AS MATERIALIZED (
    SELECT tx_id, fee, inputs FROM tx WHERE tx_id IN (SELECT tx_id FROM spent)
)
SELECT s.from_tx, s.from_vout, s.tx_id, t.fee, t.inputs, b.time, m.tx_id IS NOT NULL AS mix
FROM spent AS s
JOIN spender AS t ON t.tx_id = s.tx_id
JOIN block AS b ON b.height = (s.tx_id >> 24)
LEFT JOIN mix AS m ON m.tx_id = s.tx_id AND m.stops
ORDER BY from_tx, from_vout;

-- name: outputs
WITH made AS MATERIALIZED (
    SELECT tx_id, vout, value, kind, address_id FROM txout WHERE tx_id IN (SELECT tx_id FROM wanted)
), linked AS MATERIALIZED (
    SELECT address_id, cluster_id FROM cluster WHERE address_id IN (SELECT address_id FROM made)
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

-- name: plain_outputs
SELECT tx_id, vout, value, address_id FROM txout WHERE tx_id IN (SELECT tx_id FROM wanted) ORDER BY tx_id, vout;

-- name: heads
SELECT t.tx_id, t.fee, t.inputs, b.time
FROM wanted AS w
JOIN tx AS t ON t.tx_id = w.tx_id
JOIN block AS b ON b.height = (w.tx_id >> 24)
ORDER BY t.tx_id;

-- name: inputs
SELECT i.tx_id, i.vin, i.prev_tx_id, i.prev_vout, i.value
FROM wanted AS w
JOIN txin AS i ON i.tx_id = w.tx_id
ORDER BY i.tx_id, i.vin;

-- name: ranks
-- Place of each output in its transaction by (script, value, vout); `made` are all outputs of whole transactions. The
-- script is kept only where kind and address do not tell it; the standard forms are written out again here.
WITH named AS MATERIALIZED (
    SELECT address_id, payload FROM address WHERE address_id IN (SELECT address_id FROM made)
), kept AS MATERIALIZED (
    SELECT tx_id, vout, script FROM txout
    WHERE tx_id IN (SELECT tx_id FROM made WHERE kind NOT IN (2, 3, 4, 5, 6, 9)) AND script IS NOT NULL
)
SELECT o.tx_id, o.vout,
       (row_number() OVER (PARTITION BY o.tx_id ORDER BY coalesce(k.script, CASE o.kind
            WHEN 2 THEN '\x76\xA9\x14'::BLOB || a.payload || '\x88\xAC'::BLOB
            WHEN 3 THEN '\xA9\x14'::BLOB || a.payload || '\x87'::BLOB
            WHEN 4 THEN '\x00\x14'::BLOB || a.payload
            WHEN 5 THEN '\x00\x20'::BLOB || a.payload
            WHEN 6 THEN '\x51\x20'::BLOB || a.payload
            WHEN 9 THEN '\x51\x02\x4E\x73'::BLOB
            ELSE coalesce(a.payload, ''::BLOB) END), o.value, o.vout) - 1)::INTEGER AS rank
FROM made AS o
LEFT JOIN named AS a ON a.address_id = o.address_id
LEFT JOIN kept AS k ON k.tx_id = o.tx_id AND k.vout = o.vout
ORDER BY o.tx_id, o.vout;

-- name: mixes
-- Those of `wanted` that a detector knows for one that several parties signed, or may have.
SELECT tx_id, kind, stops, participants, denominations, confidence
FROM mix WHERE apart AND tx_id IN (SELECT tx_id FROM wanted) ORDER BY tx_id;

-- name: degree
-- Of `asked` addresses, those of more than $most transactions.
SELECT address_id, count(*) AS degree FROM address_tx WHERE address_id IN (SELECT address_id FROM asked)
GROUP BY address_id HAVING count(*) > $most ORDER BY address_id;

-- name: block_fees
-- Fees of the blocks of these coinbases; `whole`: all of the block are known.
SELECT w.tx_id AS coinbase, t.tx_id, t.fee, b.whole AND count(*) OVER block = count(t.fee) OVER block AS whole
FROM wanted AS w
JOIN block AS b ON b.height = (w.tx_id >> 24)
JOIN tx AS t ON t.tx_id > w.tx_id AND t.tx_id < w.tx_id + 16777216
WINDOW block AS (PARTITION BY w.tx_id)
ORDER BY t.tx_id;

-- name: makers
-- The transactions that made outputs, and whether they mix: the way back.
WITH made AS MATERIALIZED (
    SELECT tx_id, fee, inputs FROM tx WHERE tx_id IN (SELECT tx_id FROM wanted)
)
SELECT t.tx_id, t.fee, t.inputs, b.time, m.tx_id IS NOT NULL AS mix
FROM made AS t
JOIN block AS b ON b.height = (t.tx_id >> 24)
LEFT JOIN mix AS m ON m.tx_id = t.tx_id AND m.stops
ORDER BY t.tx_id;

-- name: spent
-- What transactions spend, with who is claimed to have held it when it was paid out. What comes out of a shielded pool
-- spends no output and is named by where it comes out: `prev_tx_id` is the transaction itself, `prev_vout` below -1. So
-- is an output of a transaction that was not read, of which only amount and owner were told: `prev_vout` is -1000 - vin.
WITH put AS MATERIALIZED (
    SELECT tx_id, vin, prev_tx_id, prev_vout, value, kind, address_id FROM txin
    WHERE tx_id IN (SELECT tx_id FROM wanted)
), linked AS MATERIALIZED (
    SELECT address_id, cluster_id FROM cluster WHERE address_id IN (SELECT address_id FROM put)
)
SELECT i.tx_id, i.vin, coalesce(i.prev_tx_id, i.tx_id) AS prev_tx_id,
       CASE WHEN i.prev_tx_id IS NULL AND i.kind IS DISTINCT FROM 11 THEN -1000 - i.vin ELSE i.prev_vout END AS prev_vout,
       i.value, i.kind, i.address_id, coalesce(c.cluster_id, i.address_id) AS cluster_id,
       coalesce(ca.holding, cc.holding) AS holding, cc.holding AS cluster_holding, b.time
FROM put AS i
JOIN block AS b ON b.height = (i.tx_id >> 24)
LEFT JOIN claimed_address AS ca ON ca.address_id = i.address_id AND ca.since <= b.time AND b.time < ca.until
LEFT JOIN linked AS c ON c.address_id = i.address_id
LEFT JOIN claimed_cluster AS cc ON cc.cluster_id = coalesce(c.cluster_id, i.address_id)
    AND cc.since <= b.time AND b.time < cc.until
ORDER BY i.tx_id, i.vin;

-- name: pending
-- What `wanted` transactions spend of transactions that were not read.
SELECT tx_id, vin, prev_txid, prev_vout FROM pending_spend WHERE tx_id IN (SELECT tx_id FROM wanted)
ORDER BY tx_id, vin;

-- name: after
-- How many transactions were read from a height on.
SELECT coalesce(sum(tx_count), 0)::BIGINT FROM block WHERE height >= $height;
