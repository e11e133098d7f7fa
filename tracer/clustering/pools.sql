-- pool_like: does a cluster behave like a custodian's pool? `asked(cluster_id)` is a registered frame of conservative
-- clusters. Transactions that mix, or may (`mix.apart`), tell nothing of who paid whom: they are left out throughout.

-- name: seen
-- Transactions in which addresses of these clusters appear, once for each address.
WITH member AS MATERIALIZED (
    SELECT cluster_id, address_id FROM cluster_member WHERE cluster_id IN (SELECT cluster_id FROM asked)
), own AS MATERIALIZED (
    SELECT cluster_id, address_id FROM member
    UNION ALL
    SELECT cluster_id, cluster_id FROM asked WHERE cluster_id NOT IN (SELECT cluster_id FROM member)
), history AS MATERIALIZED (
    SELECT address_id, tx_id FROM address_tx WHERE address_id IN (SELECT address_id FROM own)
)
SELECT cluster_id, tx_id FROM history JOIN own USING (address_id) ORDER BY cluster_id, tx_id;

-- name: wide
-- Those of `wanted` with outputs enough for a batch.
SELECT tx_id FROM tx WHERE outputs >= $payees AND tx_id IN (SELECT tx_id FROM wanted) ORDER BY tx_id;

-- name: paying
-- Of these, the clusters that sign so many of `batch(tx_id)`.
WITH member AS MATERIALIZED (
    SELECT cluster_id, address_id FROM cluster_member WHERE cluster_id IN (SELECT cluster_id FROM asked)
    UNION SELECT cluster_id, cluster_id FROM asked
), signed AS MATERIALIZED (
    SELECT tx_id, address_id FROM txin WHERE tx_id IN (SELECT tx_id FROM batch)
)
SELECT cluster_id FROM signed JOIN member USING (address_id)
GROUP BY cluster_id HAVING count(DISTINCT tx_id) >= $batches ORDER BY cluster_id;

-- name: batch_payers
-- All clusters that sign so many transactions with outputs enough for a batch: where very many clusters are asked of.
WITH wide AS MATERIALIZED (
    SELECT tx_id FROM tx WHERE outputs >= $payees
), signed AS MATERIALIZED (
    SELECT tx_id, address_id FROM txin WHERE tx_id IN (SELECT tx_id FROM wide) AND address_id IS NOT NULL
), owned AS MATERIALIZED (
    SELECT address_id, cluster_id FROM cluster WHERE address_id IN (SELECT address_id FROM signed)
)
SELECT coalesce(owned.cluster_id, signed.address_id) AS cluster_id
FROM signed LEFT JOIN owned ON owned.address_id = signed.address_id
GROUP BY ALL HAVING count(DISTINCT tx_id) >= $batches ORDER BY cluster_id;

-- name: evidence
WITH member AS MATERIALIZED (
    SELECT cluster_id, address_id FROM cluster_member WHERE cluster_id IN (SELECT cluster_id FROM asked)
), own AS MATERIALIZED (
    SELECT cluster_id, address_id FROM member
    UNION ALL
    SELECT cluster_id, cluster_id FROM asked WHERE cluster_id NOT IN (SELECT cluster_id FROM member)
), seen AS MATERIALIZED (
    SELECT DISTINCT own.cluster_id, h.tx_id
    FROM (SELECT address_id, tx_id FROM address_tx WHERE address_id IN (SELECT address_id FROM own)) AS h
    JOIN own USING (address_id)
), plain AS MATERIALIZED (
    SELECT cluster_id, tx_id FROM seen ANTI JOIN (SELECT tx_id FROM mix WHERE apart) AS mixing USING (tx_id)
), put AS MATERIALIZED (               -- what these transactions spend, and whose it is
    SELECT i.tx_id, i.prev_tx_id, i.address_id, coalesce(k.cluster_id, i.address_id) AS payer
    FROM (SELECT tx_id, prev_tx_id, address_id FROM txin WHERE tx_id IN (SELECT tx_id FROM plain)) AS i
    LEFT JOIN cluster AS k ON k.address_id = i.address_id
    WHERE i.address_id IS NOT NULL
), paid AS MATERIALIZED (              -- what they make
    SELECT o.tx_id, o.address_id, o.value, coalesce(k.cluster_id, o.address_id) AS payee
    FROM (SELECT tx_id, address_id, value FROM txout
          WHERE tx_id IN (SELECT tx_id FROM plain) AND kind <> $op_return) AS o
    LEFT JOIN cluster AS k ON k.address_id = o.address_id
), came AS MATERIALIZED (              -- transactions that pay the cluster, with each stranger who puts in
    SELECT DISTINCT p.cluster_id, p.tx_id, put.payer
    FROM plain AS p
    SEMI JOIN paid ON paid.tx_id = p.tx_id AND paid.payee = p.cluster_id
    JOIN put ON put.tx_id = p.tx_id AND put.payer <> p.cluster_id
), sweep AS MATERIALIZED (             -- those that pay nobody else: the depositors are who paid what is swept
    SELECT c.cluster_id, c.tx_id
    FROM (SELECT DISTINCT cluster_id, tx_id FROM came) AS c JOIN paid USING (tx_id)
    GROUP BY c.cluster_id, c.tx_id HAVING bool_and(paid.payee IS NOT DISTINCT FROM c.cluster_id)
), swept AS MATERIALIZED (
    SELECT s.cluster_id, s.tx_id, put.prev_tx_id, put.address_id, put.payer
    FROM sweep AS s JOIN put ON put.tx_id = s.tx_id AND put.payer <> s.cluster_id
), before AS MATERIALIZED (
    SELECT i.tx_id, coalesce(k.cluster_id, i.address_id) AS payer
    FROM (SELECT tx_id, address_id FROM txin
          WHERE tx_id IN (SELECT prev_tx_id FROM swept) AND tx_id NOT IN (SELECT tx_id FROM mix WHERE apart)) AS i
    LEFT JOIN cluster AS k ON k.address_id = i.address_id
    WHERE i.address_id IS NOT NULL
), deposit AS MATERIALIZED (           -- a transaction that brings it money, and whose money that was
    SELECT cluster_id, tx_id, payer FROM came ANTI JOIN sweep USING (cluster_id, tx_id)
    UNION ALL
    SELECT DISTINCT swept.cluster_id, swept.tx_id, b.payer
    FROM swept JOIN before AS b ON b.tx_id = swept.prev_tx_id
    WHERE b.payer <> swept.payer AND b.payer <> swept.cluster_id
), paid_in AS (
    SELECT d.cluster_id, paid.address_id
    FROM (SELECT DISTINCT cluster_id, tx_id FROM came ANTI JOIN sweep USING (cluster_id, tx_id)) AS d
    JOIN paid ON paid.tx_id = d.tx_id AND paid.payee = d.cluster_id
    UNION
    SELECT cluster_id, address_id FROM swept
), depositing AS (
    SELECT cluster_id, count(DISTINCT payer) AS depositors, min(tx_id) >> 24 AS first, max(tx_id) >> 24 AS last
    FROM deposit GROUP BY cluster_id
), addresses AS (
    SELECT cluster_id, count(*) AS deposit_addresses FROM paid_in GROUP BY cluster_id
), spent AS MATERIALIZED (             -- what the cluster itself signs away
    SELECT DISTINCT put.payer AS cluster_id, put.tx_id, put.prev_tx_id
    FROM put SEMI JOIN asked ON asked.cluster_id = put.payer
), batch AS (
    SELECT s.cluster_id, s.tx_id
    FROM (SELECT DISTINCT cluster_id, tx_id FROM spent ANTI JOIN mix USING (tx_id)) AS s JOIN paid USING (tx_id)
    GROUP BY s.cluster_id, s.tx_id
    HAVING count(DISTINCT paid.address_id) FILTER (paid.payee <> s.cluster_id) >= $payees
       AND count(*) FILTER (paid.payee = s.cluster_id) <= 1
       AND 2 * count(DISTINCT paid.value) FILTER (paid.payee <> s.cluster_id)
           >= count(*) FILTER (paid.payee <> s.cluster_id)
), batching AS (
    SELECT batch.cluster_id, count(*) AS batches, count(DISTINCT b.time // 86400) AS batch_days,
           min(b.height) AS first, max(b.height) AS last
    FROM batch JOIN block AS b ON b.height = (batch.tx_id >> 24)
    GROUP BY batch.cluster_id
), together AS (                       -- transactions that spend several depositors' coins as one
    SELECT s.cluster_id, s.tx_id, d.payer
    FROM spent AS s JOIN deposit AS d ON d.tx_id = s.prev_tx_id AND d.cluster_id = s.cluster_id
    UNION ALL
    SELECT cluster_id, tx_id, payer FROM deposit SEMI JOIN sweep USING (cluster_id, tx_id)
), mingled AS (
    SELECT cluster_id, tx_id FROM together GROUP BY cluster_id, tx_id HAVING count(DISTINCT payer) >= $mingled
), mingling AS (
    SELECT cluster_id, count(*) AS commingled, min(tx_id) >> 24 AS first, max(tx_id) >> 24 AS last
    FROM mingled GROUP BY cluster_id
)
SELECT a.cluster_id, coalesce(depositors, 0) AS depositors, coalesce(deposit_addresses, 0) AS deposit_addresses,
       coalesce(batches, 0) AS batches, coalesce(batch_days, 0) AS batch_days, coalesce(commingled, 0) AS commingled,
       least(d.first, b.first, m.first)::INTEGER AS first_height,
       greatest(d.last, b.last, m.last)::INTEGER AS last_height
FROM asked AS a
LEFT JOIN depositing AS d USING (cluster_id)
LEFT JOIN addresses USING (cluster_id)
LEFT JOIN batching AS b USING (cluster_id)
LEFT JOIN mingling AS m USING (cluster_id)
ORDER BY a.cluster_id;
