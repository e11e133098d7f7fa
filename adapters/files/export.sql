-- Facts of an EVM ledger under ethereum-etl's names. $first and $last are heights; every query is in the order of the
-- chain. Amounts are DECIMAL(38, 0); NULL is what is not known or not kept.

-- name: weights
-- blocks between two heights, and how many rows each is worth
SELECT height, 1 + coalesce(many, 0) AS weight FROM block LEFT JOIN (
    SELECT tx_id >> 24 AS height, count(*) AS many FROM transfer
    WHERE tx_id >= $first::BIGINT << 24 AND tx_id < ($last::BIGINT + 1) << 24 GROUP BY ALL
) USING (height) WHERE height BETWEEN $first AND $last ORDER BY height;

-- name: wide
-- amounts that are not known as such, where quarantine holds exactly one of that place
SELECT place, any_value(raw) AS raw FROM quarantine
WHERE tx_id >= $first::BIGINT << 24 AND tx_id < ($last::BIGINT + 1) << 24 AND octet_length(raw) = 32
GROUP BY place HAVING count(*) = 1 ORDER BY place;

-- name: blocks
SELECT b.height AS number, '0x' || lower(hex(hash)) AS hash, '0x' || lower(hex(prev_hash)) AS parent_hash,
    NULL::VARCHAR AS nonce, NULL::VARCHAR AS sha3_uncles, NULL::VARCHAR AS logs_bloom,
    NULL::VARCHAR AS transactions_root, NULL::VARCHAR AS state_root, NULL::VARCHAR AS receipts_root,
    '0x' || lower(hex(p.payload)) AS miner, NULL::BIGINT AS difficulty, NULL::DECIMAL(38, 0) AS total_difficulty,
    NULL::BIGINT AS size, NULL::VARCHAR AS extra_data, NULL::BIGINT AS gas_limit, NULL::BIGINT AS gas_used,
    time AS timestamp, tx_count AS transaction_count, base_fee AS base_fee_per_gas,
    NULL::VARCHAR AS withdrawals_root, coalesce(w.withdrawals, '') AS withdrawals, NULL::BIGINT AS blob_gas_used,
    NULL::BIGINT AS excess_blob_gas
FROM block AS b LEFT JOIN address AS p ON p.address_id = producer LEFT JOIN (
    SELECT t.tx_id >> 24 AS height, string_agg(
        '{"index":null,"validator_index":null,"address":"0x' || lower(hex(payload)) || '","amount":'
        || (amount // 1000000000)::DECIMAL(38, 0)::VARCHAR || '}', ',' ORDER BY position
    ) AS withdrawals
    FROM transfer AS t JOIN address ON address_id = target
    WHERE t.kind = $withdrawal AND tx_id >= $first::BIGINT << 24 AND tx_id < ($last::BIGINT + 1) << 24 GROUP BY ALL
) AS w ON w.height = b.height
WHERE b.height BETWEEN $first AND $last ORDER BY b.height;

-- name: transactions
SELECT '0x' || lower(hex(txid)) AS hash, nonce, '0x' || lower(hex(b.hash)) AS block_hash, b.height AS block_number,
    (x.tx_id & 16777215)::INTEGER AS transaction_index, '0x' || lower(hex(s.payload)) AS from_address,
    '0x' || lower(hex(r.payload)) AS to_address,
    CASE WHEN v.tx_id IS NULL THEN 0::DECIMAL(38, 0) ELSE amount END AS value, NULL::BIGINT AS gas, gas_price,
    '0x' || coalesce(lower(hex(selector)), '') AS input, time AS block_timestamp, NULL::BIGINT AS max_fee_per_gas,
    NULL::BIGINT AS max_priority_fee_per_gas, x.kind::INTEGER AS transaction_type,
    NULL::BIGINT AS max_fee_per_blob_gas, NULL::VARCHAR AS blob_versioned_hashes, raw
FROM tx AS x JOIN block AS b ON b.height = x.tx_id >> 24 JOIN address AS s ON s.address_id = sender
LEFT JOIN address AS r ON r.address_id = recipient
LEFT JOIN (
    SELECT tx_id, source, amount FROM transfer
    WHERE kind = $value AND tx_id >= $first::BIGINT << 24 AND tx_id < ($last::BIGINT + 1) << 24
) AS v ON v.tx_id = x.tx_id AND v.source = sender
LEFT JOIN wide ON v.tx_id IS NOT NULL AND amount IS NULL AND place = 'transaction 0x' || lower(hex(txid)) || ' value'
WHERE x.tx_id >= $first::BIGINT << 24 AND x.tx_id < ($last::BIGINT + 1) << 24 ORDER BY x.tx_id;

-- name: receipts
SELECT '0x' || lower(hex(txid)) AS transaction_hash, (x.tx_id & 16777215)::INTEGER AS transaction_index,
    '0x' || lower(hex(b.hash)) AS block_hash, b.height AS block_number, NULL::BIGINT AS cumulative_gas_used, gas_used,
    '0x' || lower(hex(c.payload)) AS contract_address, NULL::VARCHAR AS root, status::INTEGER AS status,
    gas_price AS effective_gas_price,
    -- what is left of the fee is layer 1 data, but for blobs, whose gas is not kept
    CASE WHEN x.kind <> 3 AND fee > (gas_used::HUGEINT * gas_price::HUGEINT)::DECIMAL(38, 0)
        THEN fee - (gas_used::HUGEINT * gas_price::HUGEINT)::DECIMAL(38, 0) END AS l1_fee,
    NULL::BIGINT AS l1_gas_used, NULL::BIGINT AS l1_gas_price, NULL::VARCHAR AS l1_fee_scalar,
    NULL::BIGINT AS blob_gas_price, NULL::BIGINT AS blob_gas_used
FROM tx AS x JOIN block AS b ON b.height = x.tx_id >> 24 LEFT JOIN address AS c ON c.address_id = created
WHERE x.tx_id >= $first::BIGINT << 24 AND x.tx_id < ($last::BIGINT + 1) << 24 ORDER BY x.tx_id;

-- name: logs
-- the events kept, and the logs of wrapping, which follow from its transfers
WITH wraps AS (
    SELECT t.tx_id, t.log_index, c.payload AS emitter,
        CASE WHEN t.kind = $wrap THEN $deposit ELSE $withdrawal END AS topic,
        '000000000000000000000000' || lower(hex(e.payload)) AS topics,
        CASE WHEN amount IS NULL THEN lower(hex(raw)) ELSE lpad(lower(to_hex(amount::HUGEINT)), 64, '0') END AS data
    FROM transfer AS t JOIN asset USING (asset_id) JOIN address AS c ON c.address_id = contract
    JOIN address AS e ON e.address_id = CASE WHEN t.kind = $wrap THEN target ELSE source END
    JOIN tx AS x ON x.tx_id = t.tx_id
    LEFT JOIN wide ON amount IS NULL AND place = 'transaction 0x' || lower(hex(txid)) || ' log ' || t.log_index
    WHERE t.kind IN ($wrap, $unwrap) AND t.tx_id >= $first::BIGINT << 24 AND t.tx_id < ($last::BIGINT + 1) << 24
),
kept AS (
    SELECT tx_id, log_index, payload AS emitter, lower(hex(topic)) AS topic, lower(hex(topics)) AS topics,
        lower(hex(data)) AS data
    FROM event JOIN address ON address_id = emitter
    WHERE tx_id >= $first::BIGINT << 24 AND tx_id < ($last::BIGINT + 1) << 24
)
SELECT log_index, '0x' || lower(hex(txid)) AS transaction_hash, (x.tx_id & 16777215)::INTEGER AS transaction_index,
    '0x' || lower(hex(b.hash)) AS block_hash, b.height AS block_number, '0x' || lower(hex(emitter)) AS address,
    '0x' || data AS data,
    array_to_string(list_transform(
        list_concat([topic], list_transform(range(length(topics) // 64), lambda k: substr(topics, 1 + 64 * k, 64))),
        lambda word: '0x' || word
    ), ',') AS topics
FROM (FROM kept UNION ALL FROM wraps ANTI JOIN kept USING (tx_id, log_index) WHERE data IS NOT NULL) AS told
JOIN tx AS x ON x.tx_id = told.tx_id JOIN block AS b ON b.height = x.tx_id >> 24 ORDER BY x.tx_id, log_index;

-- name: token_transfers
SELECT '0x' || lower(hex(c.payload)) AS token_address,
    '0x' || coalesce(lower(hex(s.payload)), repeat('0', 40)) AS from_address,
    '0x' || coalesce(lower(hex(r.payload)), repeat('0', 40)) AS to_address, amount::VARCHAR AS value,
    '0x' || lower(hex(txid)) AS transaction_hash, t.log_index, (t.tx_id >> 24)::INTEGER AS block_number,
    CASE standard WHEN 1 THEN 'ERC20' WHEN 2 THEN 'ERC721' ELSE 'ERC1155' END AS token_type, token_id, raw
FROM transfer AS t JOIN asset USING (asset_id) JOIN address AS c ON c.address_id = contract
JOIN tx AS x ON x.tx_id = t.tx_id
LEFT JOIN address AS s ON s.address_id = source LEFT JOIN address AS r ON r.address_id = target
LEFT JOIN wide ON amount IS NULL AND place = 'transaction 0x' || lower(hex(txid)) || ' log ' || t.log_index
WHERE t.kind = $token AND t.tx_id >= $first::BIGINT << 24 AND t.tx_id < ($last::BIGINT + 1) << 24
ORDER BY t.tx_id, t.position;

-- name: traces
-- Each transaction of a traced block, what it created, and what moved inside it, in the order of execution. Nobody knows
-- any more which call was made by which: all are put right below the transaction.
WITH inner_rows AS (
    SELECT tx_id, 0 AS part, position, giver AS source, receiver AS target, 0::DECIMAL(38, 0) AS value,
        CASE r.kind WHEN $created THEN 'create' ELSE 'create2' END AS trace_type
    FROM relation AS r JOIN tx USING (tx_id)
    WHERE r.kind IN ($created, $cloned) AND created IS DISTINCT FROM receiver
        AND tx_id >= $first::BIGINT << 24 AND tx_id < ($last::BIGINT + 1) << 24
    UNION ALL
    SELECT tx_id, 1, position, source, coalesce(target, source), amount,
        CASE WHEN target IS NULL THEN 'suicide' ELSE 'call' END
    FROM transfer
    WHERE kind = $internal AND tx_id & 16777215 <> 16777215
        AND tx_id >= $first::BIGINT << 24 AND tx_id < ($last::BIGINT + 1) << 24
),
numbered AS (
    SELECT *, row_number() OVER (PARTITION BY tx_id ORDER BY part, position) - 1 AS place FROM inner_rows
),
rows_ AS (
    SELECT x.tx_id, -1 AS place, sender AS source, coalesce(recipient, created) AS target,
        CASE WHEN v.tx_id IS NULL THEN 0::DECIMAL(38, 0) ELSE v.amount END AS value,
        CASE WHEN recipient IS NULL THEN 'create' ELSE 'call' END AS trace_type, status::INTEGER AS status,
        (SELECT count(*) FROM numbered AS n WHERE n.tx_id = x.tx_id) AS subtraces
    FROM tx AS x LEFT JOIN (
        SELECT tx_id, source, amount FROM transfer
        WHERE kind = $value AND tx_id >= $first::BIGINT << 24 AND tx_id < ($last::BIGINT + 1) << 24
    ) AS v ON v.tx_id = x.tx_id AND v.source = sender
    WHERE x.tx_id >= $first::BIGINT << 24 AND x.tx_id < ($last::BIGINT + 1) << 24
    UNION ALL
    SELECT tx_id, place, source, target, value, trace_type, 1, 0 FROM numbered
    UNION ALL
    SELECT tx_id, position, source, target, amount, CASE kind WHEN $reward THEN 'reward' ELSE 'daofork' END, 1, 0
    FROM transfer
    WHERE kind IN ($reward, $internal) AND tx_id & 16777215 = 16777215
        AND tx_id >= $first::BIGINT << 24 AND tx_id < ($last::BIGINT + 1) << 24
)
SELECT b.height AS block_number, '0x' || lower(hex(txid)) AS transaction_hash,
    CASE WHEN o.tx_id & 16777215 <> 16777215 THEN (o.tx_id & 16777215)::INTEGER END AS transaction_index,
    '0x' || lower(hex(s.payload)) AS from_address, '0x' || lower(hex(t.payload)) AS to_address, value,
    NULL::VARCHAR AS input, NULL::VARCHAR AS output, trace_type,
    CASE trace_type WHEN 'call' THEN 'call' END AS call_type, CASE trace_type WHEN 'reward' THEN 'block' END AS reward_type,
    NULL::BIGINT AS gas, NULL::BIGINT AS gas_used, subtraces,
    CASE WHEN txid IS NOT NULL AND place >= 0 THEN place::VARCHAR END AS trace_address, NULL::VARCHAR AS error,
    o.status, NULL::VARCHAR AS trace_id
FROM rows_ AS o JOIN block AS b ON b.height = o.tx_id >> 24 LEFT JOIN tx AS x ON x.tx_id = o.tx_id
LEFT JOIN address AS s ON s.address_id = o.source LEFT JOIN address AS t ON t.address_id = o.target
WHERE traced OR txid IS NULL ORDER BY o.tx_id, place;
