-- The shape of an account: who pays a service's deposit addresses? `asked(address_id)` is a registered frame.

-- name: often
-- Those that appear in so many transactions; the cheap question.
SELECT address_id FROM address_tx WHERE address_id IN (SELECT address_id FROM asked)
GROUP BY address_id HAVING count(*) >= $least ORDER BY address_id;

-- name: receipts
-- One row for each transaction that pays an address: how much, from whose cluster (NULL where that cannot be told:
-- several clusters, a mix, or what may be one, a coinbase, an input that was not read), and whether it pays nobody else.
WITH seen AS MATERIALIZED (
    SELECT address_id, tx_id FROM address_tx WHERE address_id IN (SELECT address_id FROM asked)
), made AS MATERIALIZED (
    SELECT tx_id, address_id, value FROM txout
    WHERE tx_id IN (SELECT tx_id FROM seen) AND kind <> $op_return
), paid AS MATERIALIZED (
    SELECT a.address_id, o.tx_id, sum(o.value)::BIGINT AS value
    FROM asked AS a JOIN made AS o USING (address_id) GROUP BY a.address_id, o.tx_id
), spent AS MATERIALIZED (
    SELECT tx_id, address_id FROM txin WHERE tx_id IN (SELECT tx_id FROM paid)
), linked AS MATERIALIZED (
    SELECT address_id, cluster_id FROM cluster WHERE address_id IN (SELECT address_id FROM spent)
), own AS (
    SELECT a.address_id, coalesce(k.cluster_id, a.address_id) AS cluster_id
    FROM asked AS a
    LEFT JOIN (SELECT * FROM cluster WHERE address_id IN (SELECT address_id FROM asked)) AS k USING (address_id)
), signed AS (
    SELECT i.tx_id, CASE WHEN bool_and(i.address_id IS NOT NULL)
                          AND min(coalesce(k.cluster_id, i.address_id)) = max(coalesce(k.cluster_id, i.address_id))
                         THEN min(coalesce(k.cluster_id, i.address_id)) END AS sender
    FROM spent AS i LEFT JOIN linked AS k ON k.address_id = i.address_id
    WHERE i.tx_id NOT IN (SELECT tx_id FROM mix WHERE apart AND tx_id IN (SELECT tx_id FROM paid))
    GROUP BY i.tx_id
), beside AS (
    SELECT DISTINCT p.address_id, p.tx_id
    FROM paid AS p JOIN made AS o ON o.tx_id = p.tx_id AND o.address_id IS DISTINCT FROM p.address_id
)
SELECT p.address_id, p.tx_id, p.value, s.sender, b.tx_id IS NULL AS alone
FROM paid AS p
LEFT JOIN signed AS s USING (tx_id)
LEFT JOIN beside AS b ON b.tx_id = p.tx_id AND b.address_id = p.address_id
JOIN own ON own.address_id = p.address_id
WHERE s.sender IS DISTINCT FROM own.cluster_id
ORDER BY p.address_id, p.tx_id;

-- name: related
-- Senders of one address of whom one, paying it, pays the other too: change that is a wallet of its own by co-spend.
-- `receipt(address_id, tx_id, sender)`.
WITH made AS MATERIALIZED (
    SELECT o.tx_id, coalesce(k.cluster_id, o.address_id) AS payee
    FROM (SELECT tx_id, address_id FROM txout WHERE tx_id IN (SELECT tx_id FROM receipt)) AS o
    LEFT JOIN cluster AS k ON k.address_id = o.address_id
    WHERE o.address_id IS NOT NULL
), sender AS MATERIALIZED (SELECT DISTINCT address_id, sender FROM receipt)
SELECT DISTINCT r.address_id, r.sender AS a, s.sender AS b
FROM receipt AS r
JOIN made AS m ON m.tx_id = r.tx_id
JOIN sender AS s ON s.address_id = r.address_id AND s.sender = m.payee AND s.sender <> r.sender
ORDER BY r.address_id, a, b;
