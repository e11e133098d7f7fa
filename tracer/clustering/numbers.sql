-- The order in which a chain shows its addresses.

-- name: next_address
SELECT coalesce(max(address_id), -1) + 1 FROM address;
-- name: order
WITH seen AS (
    SELECT address_id, min(tx_id) AS tx_id FROM address_tx GROUP BY address_id
),
place AS (
    SELECT address_id, tx_id, vin AS place FROM seen JOIN txin USING (tx_id, address_id)
    UNION ALL
    SELECT address_id, tx_id, 16777216 + vout FROM seen JOIN txout USING (tx_id, address_id)
)
SELECT address_id FROM place GROUP BY address_id ORDER BY min(tx_id), min(place), address_id;
-- name: order_of_accounts
WITH seen AS (
    SELECT sender AS address_id, tx_id, 0 AS place FROM tx
    UNION ALL SELECT recipient, tx_id, 1 FROM tx UNION ALL SELECT created, tx_id, 2 FROM tx
    UNION ALL SELECT source, tx_id, 3 + 2 * position FROM transfer UNION ALL SELECT target, tx_id, 4 + 2 * position FROM transfer
)
SELECT address.address_id FROM address
LEFT JOIN (SELECT address_id, min({'tx_id': tx_id, 'place': place}) AS first FROM seen GROUP BY address_id) USING (address_id)
ORDER BY first NULLS LAST, address.address_id;
