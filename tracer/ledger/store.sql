-- Look-ups from names to ids and back.

-- name: tables
SELECT table_name FROM duckdb_tables() WHERE NOT internal AND NOT temporary ORDER BY table_name;
-- name: create_migration
CREATE TABLE IF NOT EXISTS migration (name VARCHAR PRIMARY KEY);
-- name: migrations_done
SELECT name FROM migration ORDER BY name;
-- name: record_migration
INSERT INTO migration VALUES ($name);
-- name: tip
SELECT height, hash, time FROM block WHERE height = (SELECT max(height) FROM block);
-- name: read_to
SELECT max(height) FROM block WHERE whole;
-- name: runs
SELECT min(height), max(height) FROM (
    SELECT height, height - row_number() OVER (ORDER BY height) AS island FROM block WHERE whole
) GROUP BY island ORDER BY 1;
-- name: runs_of_accounts
-- accounts are read block by block only
SELECT min(height), max(height) FROM (
    SELECT height, height - row_number() OVER (ORDER BY height) AS island FROM block
) GROUP BY island ORDER BY 1;
-- name: find_tx
SELECT tx_id FROM tx
WHERE tx_id IN (SELECT tx_id FROM txid_lookup WHERE prefix = $prefix) AND txid = $txid ORDER BY tx_id;
-- name: find_address
SELECT address_id FROM address
WHERE address_id IN (SELECT address_id FROM address_lookup WHERE prefix = $prefix)
    AND kind = $kind AND payload = $payload
ORDER BY address_id LIMIT 1;
-- name: find_addresses
-- `asked` holds (place int64, kind uint8, payload blob, prefix int64); addresses the ledger never saw drop out
-- (IN prunes the large table to the candidates before anything is joined: half the time)
WITH candidate AS MATERIALIZED (
    SELECT asked.place, asked.kind, asked.payload, address_lookup.address_id
    FROM asked JOIN address_lookup USING (prefix)
), seen AS MATERIALIZED (
    SELECT address_id, kind, payload FROM address WHERE address_id IN (SELECT address_id FROM candidate)
)
SELECT candidate.place, seen.address_id FROM candidate
JOIN seen ON seen.address_id = candidate.address_id
    AND seen.kind = candidate.kind AND seen.payload = candidate.payload
ORDER BY candidate.place, seen.address_id;
-- name: addresses
SELECT address_id, kind, payload FROM address
WHERE address_id IN (SELECT unnest($ids)) ORDER BY address_id;
-- name: txids
SELECT tx_id, txid FROM tx WHERE tx_id IN (SELECT unnest($ids)) ORDER BY tx_id;
-- name: in_order
-- whether no block was written after a higher one: as noted when one came, or as the rows still show, which are scanned
-- in the order they were written
SELECT NOT EXISTS (FROM meta WHERE key = 'backfilled')
   AND NOT EXISTS (FROM (SELECT height < lag(height) OVER () AS earlier FROM block) WHERE earlier);
-- name: quarantined
SELECT DISTINCT place FROM quarantine ORDER BY place;
-- name: quarantine
INSERT INTO quarantine (source, place, reason, raw) SELECT $source, $place, $reason, $raw
WHERE NOT EXISTS (SELECT 1 FROM quarantine WHERE place = $place AND raw = $raw);
-- name: block_known
SELECT count(*) FROM block WHERE hash = $hash;
-- name: release
DELETE FROM quarantine WHERE place = $place;
