-- What bridges say of value that leaves a chain or comes to it, and the transfers these words are about.

-- name: events
-- Events of `emitters(address_id, payload)` with one of $topics, in the order of the chain.
SELECT e.tx_id, lower(hex(t.txid)) AS txid, e.log_index, p.payload AS emitter, e.topic, e.topics, e.data
FROM event AS e
JOIN emitters AS p ON p.address_id = e.emitter
JOIN tx AS t ON t.tx_id = e.tx_id
WHERE list_contains($topics::BLOB[], e.topic)
ORDER BY e.tx_id, e.log_index;

-- name: unpinned
-- Transactions with events of that shape which no contract of `emitters` emitted, and how many: anybody can emit them.
SELECT e.tx_id, count(*) AS events
FROM event AS e
WHERE list_contains($topics::BLOB[], e.topic) AND e.emitter NOT IN (SELECT address_id FROM emitters)
GROUP BY e.tx_id ORDER BY e.tx_id;

-- name: payloads
SELECT payload FROM address WHERE address_id IN (SELECT unnest($ids)) ORDER BY payload;

-- name: moved
-- What `wanted(tx_id)` moved, gas apart, in order of execution: the contract of each asset, and the accounts.
SELECT m.tx_id, m.position, m.asset_id, m.amount, m.source, m.target, c.payload AS contract, g.payload AS paid
FROM transfer AS m
JOIN asset AS a ON a.asset_id = m.asset_id
LEFT JOIN address AS c ON c.address_id = a.contract
LEFT JOIN address AS g ON g.address_id = m.target
WHERE m.tx_id IN (SELECT tx_id FROM wanted) AND m.kind NOT IN (5, 6) AND m.amount > 0
ORDER BY m.tx_id, m.position;

-- name: times
SELECT height, time FROM block WHERE height IN (SELECT (tx_id >> 24) FROM wanted) ORDER BY height;

-- name: memos
-- What stands in OP_RETURN outputs of transactions that touch a vault, `vaults(address_id, since, until)`, while it is one.
WITH touched AS MATERIALIZED (
    SELECT DISTINCT a.tx_id
    FROM address_tx AS a
    JOIN vaults AS v ON v.address_id = a.address_id
    JOIN block AS b ON b.height = (a.tx_id >> 24)
    WHERE b.time >= v.since AND b.time < v.until
)
SELECT o.tx_id, o.vout, o.script FROM txout AS o
WHERE o.tx_id IN (SELECT tx_id FROM touched) AND o.kind = $op_return AND o.script IS NOT NULL
ORDER BY o.tx_id, o.vout;

-- name: signed
-- Those of `wanted(tx_id)` that spend from a vault.
SELECT DISTINCT i.tx_id FROM txin AS i
WHERE i.tx_id IN (SELECT tx_id FROM wanted) AND i.address_id IN (SELECT address_id FROM vaults)
ORDER BY i.tx_id;

-- name: paid
-- Outputs of `wanted(tx_id)` that somebody can spend, and whether they are a vault's.
SELECT o.tx_id, o.vout AS position, o.value, o.address_id,
       coalesce(o.address_id IN (SELECT address_id FROM vaults), false) AS vault
FROM txout AS o
WHERE o.tx_id IN (SELECT tx_id FROM wanted) AND o.kind <> $op_return AND o.value > 0
ORDER BY o.tx_id, o.vout;
