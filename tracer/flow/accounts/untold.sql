-- What is in quarantine, as far as a trail can have missed it. `followed(address_id, asset_id)`: its queues.

-- name: untold
-- Places of refused blocks, and of what was not understood in transactions that moved something in one of these queues
-- (gas apart), that a followed account sent or was called in, or that called the contract of a followed asset.
WITH held AS MATERIALIZED (
    SELECT tx_id, place FROM quarantine WHERE tx_id IS NOT NULL
), moved AS MATERIALIZED (
    SELECT tx_id, asset_id, source, target FROM transfer WHERE tx_id IN (SELECT tx_id FROM held) AND kind NOT IN (5, 6)
), met AS (
    SELECT m.tx_id FROM moved AS m JOIN followed AS f ON f.asset_id = m.asset_id AND f.address_id = m.source
    UNION
    SELECT m.tx_id FROM moved AS m JOIN followed AS f ON f.asset_id = m.asset_id AND f.address_id = m.target
    UNION
    SELECT tx_id FROM tx WHERE tx_id IN (SELECT tx_id FROM held) AND (
        sender IN (SELECT address_id FROM followed) OR recipient IN (SELECT address_id FROM followed)
        OR recipient IN (SELECT contract FROM asset WHERE contract IS NOT NULL AND asset_id IN (SELECT asset_id FROM followed))
    )
)
SELECT place FROM quarantine WHERE tx_id IS NULL
UNION
SELECT h.place FROM held AS h JOIN met AS m ON m.tx_id = h.tx_id
ORDER BY place;
