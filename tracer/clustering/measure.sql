-- The links of a ledger beside known owners: `owned(address_id, owner)`, registered by the caller.

-- name: labels
-- every owned address: its script kind, its conservative and its extended cluster
SELECT owned.address_id, a.kind, owned.owner, coalesce(c.cluster_id, owned.address_id) AS conservative,
       coalesce(o.overlay_id, c.cluster_id, owned.address_id) AS extended
FROM owned JOIN address AS a USING (address_id) LEFT JOIN cluster AS c USING (address_id)
LEFT JOIN overlay AS o ON o.cluster_id = coalesce(c.cluster_id, owned.address_id)
ORDER BY owned.address_id;

-- name: co_spent
-- One row per transaction whose owned addresses were joined: how many links that takes, how many of them are false (one
-- for each owner beyond the first), the script kind of all its inputs (NULL where they differ).
WITH spent AS (
    SELECT DISTINCT tx_id, address_id FROM txin
    ANTI JOIN (
        SELECT tx_id FROM mix WHERE apart
        UNION ALL SELECT tx_id FROM refused_link WHERE tier = 'conservative' AND heuristic = 'co_spend'
    ) AS kept_out USING (tx_id)
    WHERE address_id IS NOT NULL AND kind IS DISTINCT FROM $anyone
)
SELECT tx_id, 'co_spend' AS heuristic, (count(*) - 1)::INTEGER AS links, (count(DISTINCT owner) - 1)::INTEGER AS wrong,
       CASE WHEN min(kind) = max(kind) THEN min(kind) END AS kind
FROM spent JOIN address USING (address_id) JOIN owned USING (address_id)
GROUP BY tx_id HAVING count(*) > 1 ORDER BY tx_id;

-- name: same_key
SELECT k.tx_id, 'same_key' AS heuristic, 1 AS links, (x.owner <> y.owner)::INTEGER AS wrong,
       CASE WHEN a.kind = b.kind THEN b.kind END AS kind
FROM key_link AS k JOIN address AS a ON a.address_id = k.a JOIN address AS b ON b.address_id = k.b
JOIN owned AS x ON x.address_id = k.a JOIN owned AS y ON y.address_id = k.b
ANTI JOIN (SELECT a, b FROM refused_link WHERE tier = 'conservative' AND heuristic = 'same_key') AS refused
    ON refused.a = k.a AND refused.b = k.b
ORDER BY k.tx_id, k.a, k.b;

-- name: overlaid
-- by the script kind of the address that joined the other's cluster
SELECT l.tx_id, l.heuristic, 1 AS links, (x.owner <> y.owner)::INTEGER AS wrong, b.kind
FROM overlay_link AS l JOIN address AS b ON b.address_id = l.b
JOIN owned AS x ON x.address_id = l.a JOIN owned AS y ON y.address_id = l.b
ORDER BY l.tx_id, l.a, l.b, l.heuristic;

-- name: joined_to
SELECT DISTINCT b FROM overlay_link WHERE heuristic = $heuristic ORDER BY b;

-- name: arrivals
SELECT DISTINCT inflow.tx_id, inflow.target AS address_id, inflow.asset_id, inflow.source
FROM inflow JOIN owned ON inflow.target = owned.address_id
WHERE inflow.kind <= $moving AND (inflow.asset_id = 0 OR inflow.asset_id IN (
    SELECT asset_id FROM asset JOIN token USING (contract) WHERE token.genuine AND asset.token_id IS NULL))
ORDER BY ALL;

-- name: mixes
SELECT tx_id, kind FROM mix ORDER BY tx_id;

-- name: addresses
SELECT address_id FROM address ORDER BY address_id;

-- name: placed
SELECT wanted.row, tx.tx_id FROM wanted JOIN tx USING (txid) ORDER BY wanted.row;

-- name: transactions
SELECT count(*) FROM tx;
