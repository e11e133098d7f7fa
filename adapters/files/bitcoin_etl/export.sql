-- Facts of a chain of outputs as bitcoin-etl writes them. $first and $last are heights; every query is in the order of
-- the ledger. Hashes are in the order of the wire. Blocks that were not read whole are left out.

-- name: weights
-- blocks between two heights, and how many rows each is worth
SELECT height, 1 + coalesce(many, 0)::BIGINT AS weight FROM block LEFT JOIN (
    SELECT tx_id >> 24 AS height, sum(1 + inputs + outputs) AS many FROM tx
    WHERE tx_id >= $first::BIGINT << 24 AND tx_id < ($last::BIGINT + 1) << 24 GROUP BY ALL
) USING (height) WHERE height BETWEEN $first AND $last AND whole ORDER BY height;

-- name: blocks
SELECT height, hash, prev_hash, merkle_root, time, version, bits, nonce, tx_count, size FROM block
WHERE height BETWEEN $first AND $last AND whole ORDER BY height;

-- name: transactions
SELECT tx_id, txid, x.version, locktime, x.size, vsize, inputs, outputs, out_value, fee, b.height, b.hash, b.time,
    coalesce(block_index, (tx_id & 16777215)::INTEGER) AS place
FROM tx AS x JOIN block AS b ON b.height = tx_id >> 24
WHERE tx_id >= $first::BIGINT << 24 AND tx_id < ($last::BIGINT + 1) << 24 AND whole ORDER BY tx_id;

-- name: inputs
SELECT i.tx_id, i.vin, coalesce(x.txid, p.prev_txid) AS prev_txid, i.prev_vout, i.value, i.kind, a.kind AS address_kind,
    a.payload, sequence
FROM txin AS i JOIN block AS b ON b.height = i.tx_id >> 24 LEFT JOIN tx AS x ON x.tx_id = i.prev_tx_id
LEFT JOIN pending_spend AS p ON i.prev_tx_id IS NULL AND p.tx_id = i.tx_id AND p.vin = i.vin
LEFT JOIN address AS a USING (address_id)
WHERE i.tx_id >= $first::BIGINT << 24 AND i.tx_id < ($last::BIGINT + 1) << 24 AND whole ORDER BY i.tx_id, i.vin;

-- name: outputs
SELECT o.tx_id, vout, value, o.kind, a.kind AS address_kind, a.payload, script
FROM txout AS o JOIN block AS b ON b.height = o.tx_id >> 24 LEFT JOIN address AS a USING (address_id)
WHERE o.tx_id >= $first::BIGINT << 24 AND o.tx_id < ($last::BIGINT + 1) << 24 AND whole ORDER BY o.tx_id, vout;
