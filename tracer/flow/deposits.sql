-- deposit_sweep: is an address a customer's deposit address of one service?
-- TEMP tables `claimed_address` and `claimed_cluster` come from services.sql.

-- name: spent_on
-- `candidate(address_id, service)` are untagged owners of outputs that were swept to that service. -> Whom the
-- transactions that spend their outputs pay; holding NULL for nobody known, and once for a candidate with more than
-- $most transactions, here or by an explorer's word.
WITH history AS (
    SELECT c.address_id, c.service, h.tx_id, count(*) OVER (PARTITION BY c.address_id, c.service) AS busy
    FROM candidate AS c JOIN address_tx AS h ON h.address_id = c.address_id
), swept AS (
    SELECT DISTINCT h.address_id, h.service, s.tx_id
    FROM history AS h
    JOIN txout AS o ON o.tx_id = h.tx_id AND o.address_id = h.address_id
    JOIN spend AS s ON s.prev_tx_id = o.tx_id AND s.prev_vout = o.vout
    WHERE h.busy <= $most
), paid AS MATERIALIZED (
    SELECT tx_id, kind, address_id FROM txout WHERE tx_id IN (SELECT tx_id FROM swept)
), linked AS MATERIALIZED (
    SELECT address_id, cluster_id FROM cluster WHERE address_id IN (SELECT address_id FROM paid)
)
SELECT address_id, service, NULL::INTEGER AS holding FROM history WHERE busy > $most
UNION
SELECT address_id, service, NULL FROM candidate JOIN told_address USING (address_id) WHERE txs > $most
UNION
SELECT swept.address_id, swept.service, coalesce(ca.holding, cc.holding)
FROM swept
JOIN paid AS o ON o.tx_id = swept.tx_id
JOIN block AS b ON b.height = (o.tx_id >> 24)
LEFT JOIN claimed_address AS ca ON ca.address_id = o.address_id AND ca.since <= b.time AND b.time < ca.until
LEFT JOIN linked AS k ON k.address_id = o.address_id
LEFT JOIN claimed_cluster AS cc ON cc.cluster_id = coalesce(k.cluster_id, o.address_id)
    AND cc.since <= b.time AND b.time < cc.until
WHERE o.kind <> 8
ORDER BY address_id, service, holding;

-- name: paid_out
-- Whom the spenders of the outputs in `landing(tx_id, vout, service)` pay; holding NULL for nobody known.
SELECT DISTINCT l.tx_id, l.vout, l.service, coalesce(ca.holding, cc.holding) AS holding
FROM landing AS l
JOIN spend AS s ON s.prev_tx_id = l.tx_id AND s.prev_vout = l.vout
JOIN txout AS o ON o.tx_id = s.tx_id
JOIN block AS b ON b.height = (o.tx_id >> 24)
LEFT JOIN claimed_address AS ca ON ca.address_id = o.address_id AND ca.since <= b.time AND b.time < ca.until
LEFT JOIN cluster AS k ON k.address_id = o.address_id
LEFT JOIN claimed_cluster AS cc ON cc.cluster_id = coalesce(k.cluster_id, o.address_id)
    AND cc.since <= b.time AND b.time < cc.until
WHERE o.kind <> 8
ORDER BY l.tx_id, l.vout, holding;
