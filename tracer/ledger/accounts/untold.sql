-- What blocks do not say and a node was not asked yet: balances before the first block of a run, names of tokens.

-- name: balances
-- Queues that pay out in a run of blocks and of which no balance was told for any block between the one before the run
-- and that payment. A run that begins with block 0 begins with balances of its own: there the coin of every account, and
-- tokens whose creation was not read, paid out or not. `asked` holds address_id, where only some are meant.
WITH run AS (
    SELECT min(height) AS first, max(height) AS last, arg_min(hash, height) AS hash, arg_min(prev_hash, height) AS prev_hash
    FROM (SELECT height, hash, prev_hash, height - row_number() OVER (ORDER BY height) AS island FROM block)
    GROUP BY island
), base AS (
    SELECT first, greatest(first - 1, 0) AS height, CASE WHEN first = 0 THEN hash ELSE prev_hash END AS hash,
        (greatest(first - 1, 0) + 1)::BIGINT << 24 AS start, (last + 1)::BIGINT << 24 AS stop
    FROM run
), made AS (
    SELECT created AS contract FROM tx WHERE created IS NOT NULL
    UNION SELECT receiver FROM relation WHERE kind IN (0, 1)
), moved AS (
    SELECT source AS address_id, asset_id, tx_id FROM outflow WHERE NOT $some OR source IN (SELECT address_id FROM asked)
    UNION ALL
    SELECT target, asset_id, tx_id FROM inflow
    WHERE tx_id < (SELECT coalesce(max(stop) FILTER (first = 0), 0) FROM base)
        AND (NOT $some OR target IN (SELECT address_id FROM asked))
    UNION ALL
    SELECT address_id, 0, stop - 1 FROM address, base
    WHERE first = 0 AND (NOT $some OR address_id IN (SELECT address_id FROM asked))
), queue AS (
    SELECT base.first, base.height, base.hash, address_id, asset_id, min(tx_id) >> 24 AS since
    FROM moved JOIN base ON tx_id >= base.start AND tx_id < base.stop
    GROUP BY ALL
)
SELECT queue.height, queue.hash, queue.address_id, queue.asset_id, address.payload AS address, asset.standard,
    whose.payload AS contract, asset.token_id
FROM queue
JOIN asset USING (asset_id)
JOIN address USING (address_id)
LEFT JOIN address AS whose ON whose.address_id = asset.contract
WHERE queue.height > $above AND (queue.first > 0 OR asset.contract IS NULL OR asset.contract NOT IN (SELECT contract FROM made))
    AND NOT EXISTS (
        FROM opening AS told
        WHERE told.address_id = queue.address_id AND told.asset_id = queue.asset_id
            AND told.height >= queue.height AND told.height < queue.since
    )
ORDER BY queue.height, queue.address_id, queue.asset_id
LIMIT $limit;

-- name: tokens
-- contracts of assets that were not asked who they are, and the first block that names each
WITH wanted AS (
    SELECT asset_id, standard, contract FROM asset WHERE contract IS NOT NULL AND contract NOT IN (SELECT contract FROM token)
), seen AS (
    SELECT asset_id, min(tx_id) >> 24 AS height FROM (
        SELECT asset_id, tx_id FROM transfer WHERE asset_id IN (SELECT asset_id FROM wanted)
        UNION ALL SELECT asset_id, tx_id FROM relation WHERE asset_id IN (SELECT asset_id FROM wanted)
    ) GROUP BY asset_id
)
SELECT payload AS contract, max(standard) AS standard, min(seen.height)::INTEGER AS height
FROM wanted JOIN seen USING (asset_id) JOIN address ON address_id = wanted.contract
GROUP BY address_id, payload ORDER BY address_id LIMIT $limit;
