-- What queues held before the stretch in which they are followed. `frontier(address_id, asset_id, base, first)`: the
-- transfers after `base` and before `first` are summed. Sums are made of two halves (quotient and remainder by
-- 10^19), which fit whatever a hostile token logs.

-- name: told
-- Balances that a node told of these queues.
SELECT o.address_id, o.asset_id, o.height, o.amount
FROM frontier AS f JOIN opening AS o ON o.address_id = f.address_id AND o.asset_id = f.asset_id
ORDER BY o.address_id, o.asset_id, o.height;

-- name: sums
WITH moved AS (
    SELECT f.address_id, f.asset_id, 1 AS sign, i.amount
    FROM frontier AS f JOIN inflow AS i ON i.target = f.address_id AND i.asset_id = f.asset_id
    WHERE i.tx_id > f.base AND i.tx_id < f.first
    UNION ALL
    SELECT f.address_id, f.asset_id, -1, o.amount
    FROM frontier AS f JOIN outflow AS o ON o.source = f.address_id AND o.asset_id = f.asset_id
    WHERE o.tx_id > f.base AND o.tx_id < f.first
)
SELECT address_id, asset_id, count(*) FILTER (amount IS NULL) AS unread,
       coalesce(sum(sign * (amount::HUGEINT // 10000000000000000000::HUGEINT)), 0)::DECIMAL(38, 0) AS high,
       coalesce(sum(sign * (amount::HUGEINT % 10000000000000000000::HUGEINT)), 0)::DECIMAL(38, 0) AS low
FROM moved GROUP BY address_id, asset_id ORDER BY address_id, asset_id;
