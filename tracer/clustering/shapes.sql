-- What detectors read: one statement for each shape, one row for each candidate transaction. Nothing here knows
-- a protocol. Outputs are those that can be spent; OP_RETURN is counted apart, and with it what goes into a shielded pool:
-- it pays nobody one could name. Dust counts as no equal amount.

-- name: chunks
-- block ranges of about $size transactions each: what one pass looks at
SELECT min(height), max(height) + 1, sum(tx_count)::BIGINT FROM (
    SELECT height, tx_count, (sum(tx_count) OVER (ORDER BY height) - tx_count) // $size AS chunk
    FROM block WHERE height >= $first
) GROUP BY chunk ORDER BY chunk;

-- name: equal
-- Two inputs or more, three outputs or more, some value above dust repeated.
--   n_in, n_out        inputs; outputs
--   op_returns         OP_RETURN outputs, and what goes into a shielded pool or comes out of one
--   in_unknown         inputs whose spent output was not read: value, kind and address unknown
--   in_scripts         distinct input scripts, at most: one without an address counts as its own
--   in_same            most inputs that share one script
--   in_p2wpkh, in_p2tr inputs of these kinds, among the known
--   in_min, in_max     least and greatest known input value; NULL when none is known
--   out_scripts        distinct output scripts, at most: one without an address counts as its own
--   out_p2wpkh, out_p2tr, out_min
--   mode_value, mode_count   most frequent output value above dust (the greatest of equals), how often it stands
--   mode_fresh         distinct scripts that receive the mode value and are none of the inputs'
--   repeated, repeated_outputs   values above dust that stand at least twice, ascending; outputs that bear them
--   fundable           into how many groups, each holding the mode value, the input scripts could fall at most;
--                      an unknown input may hold it alone
--   in_values, out_values    lists by vin (NULL where unknown) and by vout
WITH candidate AS (
    SELECT tx_id, inputs AS n_in FROM tx
    WHERE tx_id >= $start AND tx_id < $stop AND inputs >= 2 AND outputs >= 3
),
value_count AS (
    SELECT tx_id, value, count(*) AS times, count(*) FILTER (value > $dust) AS sound
    FROM txout SEMI JOIN candidate USING (tx_id)
    WHERE tx_id >= $start AND tx_id < $stop AND kind NOT IN ($op_return, $shielded)
    GROUP BY tx_id, value
),
-- count and value packed into one number, so that one max() finds both
repeated AS (
    SELECT tx_id, sum(times)::INTEGER AS n_out, max(sound::HUGEINT * 9223372036854775808 + value) AS packed,
           list(value ORDER BY value) FILTER (sound >= 2) AS repeated,
           (sum(sound) FILTER (sound >= 2))::INTEGER AS repeated_outputs
    FROM value_count GROUP BY tx_id HAVING max(sound) >= 2 AND sum(times) >= 3
),
mode AS MATERIALIZED (
    SELECT tx_id, n_in, n_out, repeated, repeated_outputs,
           (packed % 9223372036854775808)::BIGINT AS mode_value,
           (packed // 9223372036854775808)::INTEGER AS mode_count
    FROM repeated JOIN candidate USING (tx_id)
),
paid AS MATERIALIZED (
    SELECT tx_id, vout, value, kind, coalesce(address_id, -1 - vout) AS script, value = mode_value AS is_mode
    FROM txout JOIN mode USING (tx_id)
    WHERE tx_id >= $start AND tx_id < $stop
),
spent AS MATERIALIZED (
    SELECT tx_id, vin, value, kind, coalesce(address_id, -16777217 - vin) AS script, mode_value
    FROM txin JOIN mode USING (tx_id)
    WHERE tx_id >= $start AND tx_id < $stop
),
spent_script AS MATERIALIZED (
    SELECT tx_id, script, any_value(mode_value) AS mode_value, count(*) AS times, sum(value) AS value,
           count(*) - count(value) AS unknown, min(value) AS least, max(value) AS greatest,
           count(*) FILTER (kind = $p2wpkh) AS p2wpkh, count(*) FILTER (kind = $p2tr) AS p2tr,
           count(*) FILTER (kind = $shielded) AS from_pools
    FROM spent GROUP BY tx_id, script
),
input_shape AS (
    SELECT tx_id, sum(unknown)::INTEGER AS in_unknown, count(*)::INTEGER AS in_scripts,
           sum(from_pools)::INTEGER AS from_pools,
           max(times)::INTEGER AS in_same, sum(p2wpkh)::INTEGER AS in_p2wpkh, sum(p2tr)::INTEGER AS in_p2tr,
           min(least) AS in_min, max(greatest) AS in_max,
           (count(*) FILTER (unknown > 0 OR value >= mode_value)
            + coalesce(sum(value) FILTER (unknown = 0 AND value < mode_value), 0)
              // any_value(mode_value))::BIGINT AS fundable
    FROM spent_script GROUP BY tx_id
),
input_list AS (
    SELECT tx_id, list(value ORDER BY vin) AS in_values FROM spent GROUP BY tx_id
),
output_shape AS (
    SELECT tx_id, (count(*) FILTER (kind IN ($op_return, $shielded)))::INTEGER AS op_returns,
           (count(DISTINCT script) FILTER (kind NOT IN ($op_return, $shielded)))::INTEGER AS out_scripts,
           (count(*) FILTER (kind = $p2wpkh))::INTEGER AS out_p2wpkh,
           (count(*) FILTER (kind = $p2tr))::INTEGER AS out_p2tr,
           min(value) FILTER (kind NOT IN ($op_return, $shielded)) AS out_min,
           list(value ORDER BY vout) FILTER (kind NOT IN ($op_return, $shielded)) AS out_values
    FROM paid GROUP BY tx_id
),
fresh AS (
    SELECT tx_id, count(DISTINCT script)::INTEGER AS mode_fresh
    FROM paid ANTI JOIN spent_script USING (tx_id, script)
    WHERE is_mode AND kind NOT IN ($op_return, $shielded) GROUP BY tx_id
)
SELECT tx_id, n_in, n_out, op_returns + from_pools AS op_returns, in_unknown, in_scripts, in_same, in_p2wpkh, in_p2tr,
       in_min, in_max, out_scripts, out_p2wpkh, out_p2tr, out_min, mode_value, mode_count,
       coalesce(mode_fresh, 0) AS mode_fresh, repeated, repeated_outputs, fundable, in_values, out_values
FROM mode JOIN input_shape USING (tx_id) JOIN input_list USING (tx_id)
JOIN output_shape USING (tx_id) LEFT JOIN fresh USING (tx_id)
ORDER BY tx_id;

-- name: noted
-- Exactly one OP_RETURN beside one output or more, and nothing into a shielded pool or out of one; not a coinbase.
--   n_out       outputs
--   out_values  ascending
--   in_sums     what each input script holds, ascending; NULL (last) where an input of it was not read
WITH note AS (
    SELECT tx_id FROM txout WHERE tx_id >= $start AND tx_id < $stop AND kind IN ($op_return, $shielded)
    GROUP BY tx_id HAVING count(*) = 1 AND bool_and(kind = $op_return)
),
candidate AS (
    SELECT tx_id FROM tx SEMI JOIN note USING (tx_id)
    WHERE tx_id >= $start AND tx_id < $stop AND inputs >= 1 AND outputs >= 2
),
held AS (
    SELECT tx_id, CASE WHEN count(*) = count(value) THEN sum(value)::BIGINT END AS held,
           count(*) FILTER (kind = $shielded) AS from_pools
    FROM txin SEMI JOIN candidate USING (tx_id)
    WHERE tx_id >= $start AND tx_id < $stop
    GROUP BY tx_id, coalesce(address_id, -16777217 - vin)
),
input_sums AS (
    SELECT tx_id, list(held ORDER BY held NULLS LAST) AS in_sums FROM held GROUP BY tx_id HAVING sum(from_pools) = 0
),
output_list AS (
    SELECT tx_id, count(*)::INTEGER AS n_out, list(value ORDER BY value) AS out_values
    FROM txout SEMI JOIN candidate USING (tx_id)
    WHERE tx_id >= $start AND tx_id < $stop AND kind NOT IN ($op_return, $shielded) GROUP BY tx_id
)
SELECT tx_id, n_out, out_values, in_sums FROM output_list JOIN input_sums USING (tx_id) ORDER BY tx_id;

-- name: pair
-- Two inputs or more of different script kinds, two outputs and no OP_RETURN.
--   in_unknown  inputs whose spent output was not read
--   in_kinds    distinct kinds of the known inputs; P2PK counts as P2PKH, which the same key spends
--   in_min      least known input value
--   out_min     lesser output value
WITH candidate AS (
    SELECT tx_id FROM tx WHERE tx_id >= $start AND tx_id < $stop AND inputs >= 2 AND outputs = 2
),
spent AS (
    SELECT tx_id, (count(*) - count(value))::INTEGER AS in_unknown, min(value) AS in_min,
           bit_count(bit_or(1 << CASE kind WHEN $p2pk THEN $p2pkh ELSE kind END))::INTEGER AS in_kinds
    FROM txin SEMI JOIN candidate USING (tx_id)
    WHERE tx_id >= $start AND tx_id < $stop GROUP BY tx_id
    HAVING min(kind) <> max(kind) AND max(kind) <> $shielded
)
SELECT tx_id, any_value(in_unknown) AS in_unknown, any_value(in_kinds) AS in_kinds,
       any_value(in_min) AS in_min, min(value) AS out_min
FROM txout JOIN spent USING (tx_id)
WHERE tx_id >= $start AND tx_id < $stop AND in_kinds >= 2
GROUP BY tx_id HAVING bool_and(kind NOT IN ($op_return, $shielded)) ORDER BY tx_id;

-- name: pegged
-- The last transaction of its block, whose first output has witness version 8 and 32 bytes.
--   in_unknown  inputs whose spent output was not read
--   in_other    known inputs of other script kinds than unknown witness versions
--   put_in      known inputs of other witness versions than 8
--   taken_out   outputs behind the first
WITH candidate AS (
    SELECT txout.tx_id FROM txout JOIN address USING (address_id) JOIN block ON block.height = (txout.tx_id >> 24)
    WHERE txout.tx_id >= $start AND txout.tx_id < $stop AND vout = 0 AND txout.kind = $witness_unknown
        AND octet_length(payload) = 33 AND payload >= '\x08'::BLOB AND payload < '\x09'::BLOB
        AND ((txout.tx_id & 16777215) = tx_count - 1 OR NOT whole)
)
SELECT tx_id, (count(*) - count(txin.value))::INTEGER AS in_unknown,
       (count(*) FILTER (txin.kind <> $witness_unknown))::INTEGER AS in_other,
       (count(*) FILTER (txin.kind = $witness_unknown
           AND NOT (payload >= '\x08'::BLOB AND payload < '\x09'::BLOB)))::INTEGER AS put_in,
       any_value(tx.outputs) - 1 AS taken_out
FROM txin SEMI JOIN candidate USING (tx_id) JOIN tx USING (tx_id) LEFT JOIN address USING (address_id)
WHERE tx_id >= $start AND tx_id < $stop
GROUP BY tx_id ORDER BY tx_id;

-- name: ancestors
-- What was recognised among the transactions whose outputs `hits` spend: in the blocks before this pass, or in it.
SELECT DISTINCT tx_id, known.kind, known.denominations
FROM txin SEMI JOIN hits USING (tx_id)
JOIN (SELECT tx_id AS prev_tx_id, kind, denominations FROM mix WHERE tx_id < $first
      UNION ALL SELECT tx_id, kind, denominations FROM found) AS known USING (prev_tx_id)
ORDER BY ALL;
