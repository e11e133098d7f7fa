-- Loading an account chain: what a turn asks the store, and how it becomes part of it.

-- name: next_address_id
SELECT coalesce(max(address_id) + 1, 0) FROM address;
-- name: find_address
SELECT wanted.local, address.address_id AS id
FROM wanted
JOIN address_lookup ON address_lookup.prefix = wanted.prefix
JOIN address ON address.address_id = address_lookup.address_id
    AND address.kind = wanted.kind AND address.payload = wanted.payload
ORDER BY wanted.local;
-- name: next_asset_id
SELECT max(asset_id) + 1 FROM asset;
-- name: find_asset
SELECT wanted.local, asset.asset_id AS id
FROM wanted
JOIN asset ON asset.standard = wanted.standard
    AND asset.contract IS NOT DISTINCT FROM wanted.contract AND asset.token_id IS NOT DISTINCT FROM wanted.token_id
ORDER BY wanted.local;

-- name: insert_block
INSERT INTO block SELECT height, hash, prev_hash, time, tx_count, producer, base_fee, traced FROM arriving;
-- name: insert_tx
INSERT INTO tx
SELECT tx_id, txid, sender, recipient, created, status, kind, nonce, selector, gas_used, gas_price, fee FROM arriving;
-- name: insert_transfer
INSERT INTO transfer SELECT tx_id, position, kind, asset_id, source, target, amount, log_index FROM arriving;
-- name: insert_relation
INSERT INTO relation SELECT tx_id, position, kind, giver, receiver, asset_id, amount FROM arriving;
-- name: insert_event
INSERT INTO event SELECT tx_id, log_index, emitter, topic, topics, data FROM arriving;
-- name: insert_outflow
INSERT INTO outflow SELECT source, tx_id, position, kind, asset_id, target, amount FROM arriving;
-- name: insert_inflow
INSERT INTO inflow SELECT target, tx_id, position, kind, asset_id, source, amount FROM arriving;
-- name: insert_txid_lookup
INSERT INTO txid_lookup SELECT prefix, tx_id FROM arriving;
-- name: insert_address
INSERT INTO address SELECT address_id, kind, payload FROM arriving ORDER BY address_id;
-- name: insert_address_lookup
INSERT INTO address_lookup SELECT prefix, address_id FROM arriving ORDER BY prefix, address_id;
-- name: insert_asset
INSERT INTO asset SELECT asset_id, standard, contract, token_id FROM arriving ORDER BY asset_id;
-- name: insert_quarantine
INSERT INTO quarantine (source, place, reason, raw, tx_id)
SELECT 'height ' || (tx_id >> 24), place, reason, raw, tx_id FROM arriving ORDER BY tx_id, place, reason;

-- What was told beside the blocks: balances and names. A later word replaces. -------------------------

-- name: drop_openings
DELETE FROM opening USING arriving
WHERE opening.address_id = arriving.address_id AND opening.asset_id = arriving.asset_id AND opening.height = arriving.height;
-- name: insert_openings
INSERT INTO opening SELECT address_id, asset_id, height, amount FROM arriving ORDER BY address_id, asset_id, height;
-- name: drop_tokens
DELETE FROM token USING arriving WHERE token.contract = arriving.contract;
-- name: insert_tokens
INSERT INTO token SELECT contract, symbol, name, decimals, height, problem, genuine FROM arriving ORDER BY contract;
-- name: note_out_of_order
-- Ids given to what no block showed yet do not follow the order of the chain.
INSERT OR IGNORE INTO meta VALUES ('backfilled', 'true');

-- A lost branch goes. ---------------------------------------------------------------------------------

-- name: lost
-- the accounts and assets that the lost blocks show: those that nothing else shows go with them
CREATE OR REPLACE TEMP TABLE lost_asset AS
SELECT DISTINCT asset_id FROM (
    SELECT asset_id FROM transfer WHERE tx_id >= $first
    UNION ALL SELECT asset_id FROM relation WHERE tx_id >= $first
    UNION ALL SELECT asset_id FROM opening WHERE height > $height
) WHERE asset_id > 0;
CREATE OR REPLACE TEMP TABLE lost_address AS
SELECT DISTINCT address_id FROM (
    SELECT producer AS address_id FROM block WHERE height > $height
    UNION ALL SELECT unnest([sender, recipient, created]) FROM tx WHERE tx_id >= $first
    UNION ALL SELECT unnest([source, target]) FROM transfer WHERE tx_id >= $first
    UNION ALL SELECT unnest([giver, receiver]) FROM relation WHERE tx_id >= $first
    UNION ALL SELECT emitter FROM event WHERE tx_id >= $first
    UNION ALL SELECT address_id FROM opening WHERE height > $height
    UNION ALL SELECT contract FROM token WHERE height > $height
    UNION ALL SELECT contract FROM asset WHERE asset_id IN (FROM lost_asset)
) WHERE address_id IS NOT NULL;
-- name: rollback
DELETE FROM block WHERE height > $height;
DELETE FROM tx WHERE tx_id >= $first;
DELETE FROM transfer WHERE tx_id >= $first;
DELETE FROM relation WHERE tx_id >= $first;
DELETE FROM event WHERE tx_id >= $first;
DELETE FROM opening WHERE height > $height;
DELETE FROM token WHERE height > $height;
DELETE FROM outflow WHERE tx_id >= $first;
DELETE FROM inflow WHERE tx_id >= $first;
DELETE FROM txid_lookup WHERE tx_id >= $first;
DELETE FROM quarantine WHERE tx_id >= $first;
DELETE FROM asset WHERE asset_id IN (FROM lost_asset) AND asset_id NOT IN (
    SELECT asset_id FROM transfer WHERE asset_id IN (FROM lost_asset)
    UNION ALL SELECT asset_id FROM relation WHERE asset_id IN (FROM lost_asset)
);
DELETE FROM opening WHERE asset_id NOT IN (SELECT asset_id FROM asset);
DELETE FROM opening WHERE address_id IN (FROM lost_address) AND address_id NOT IN (
    SELECT address_id FROM (
        SELECT producer AS address_id FROM block
        UNION ALL SELECT sender FROM tx
        UNION ALL SELECT recipient FROM tx
        UNION ALL SELECT created FROM tx
        UNION ALL SELECT source FROM transfer
        UNION ALL SELECT target FROM transfer
        UNION ALL SELECT giver FROM relation
        UNION ALL SELECT receiver FROM relation
        UNION ALL SELECT emitter FROM event
    ) WHERE address_id IN (FROM lost_address)
);
DELETE FROM token WHERE contract IN (FROM lost_address) AND contract NOT IN (SELECT contract FROM asset WHERE contract IS NOT NULL);
DELETE FROM address WHERE address_id IN (FROM lost_address) AND address_id NOT IN (
    SELECT address_id FROM (
        SELECT producer AS address_id FROM block
        UNION ALL SELECT sender FROM tx
        UNION ALL SELECT recipient FROM tx
        UNION ALL SELECT created FROM tx
        UNION ALL SELECT source FROM transfer
        UNION ALL SELECT target FROM transfer
        UNION ALL SELECT giver FROM relation
        UNION ALL SELECT receiver FROM relation
        UNION ALL SELECT emitter FROM event
        UNION ALL SELECT address_id FROM opening
        UNION ALL SELECT contract FROM token
        UNION ALL SELECT contract FROM asset
    ) WHERE address_id IN (FROM lost_address)
);
DELETE FROM address_lookup WHERE address_id IN (FROM lost_address) AND address_id NOT IN (SELECT address_id FROM address);
