-- Look-ups from names to ids and back.

-- name: create_migration
CREATE TABLE IF NOT EXISTS migration (name VARCHAR PRIMARY KEY);
-- name: migrations_done
SELECT name FROM migration ORDER BY name;
-- name: record_migration
INSERT INTO migration VALUES ($name);
-- name: tip
SELECT height, hash, time FROM block ORDER BY height DESC LIMIT 1;
-- name: find_tx
SELECT tx.tx_id FROM txid_lookup JOIN tx USING (tx_id)
WHERE txid_lookup.prefix = $prefix AND tx.txid = $txid ORDER BY tx.tx_id;
-- name: find_address
SELECT address.address_id FROM address_lookup JOIN address USING (address_id)
WHERE address_lookup.prefix = $prefix AND address.kind = $kind AND address.payload = $payload
ORDER BY address.address_id LIMIT 1;
-- name: addresses
SELECT address_id, kind, payload FROM address
WHERE address_id IN (SELECT unnest($ids)) ORDER BY address_id;
-- name: txids
SELECT tx_id, txid FROM tx WHERE tx_id IN (SELECT unnest($ids)) ORDER BY tx_id;
