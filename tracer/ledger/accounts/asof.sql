-- An account ledger as it was at a height: see tracer/ledger/asof.sql, whose statements these are for accounts.

-- name: hide
CREATE OR REPLACE TEMP VIEW block AS FROM query_table(getvariable('facts') || 'block') WHERE height <= getvariable('height');
CREATE OR REPLACE TEMP VIEW tx AS FROM query_table(getvariable('facts') || 'tx') WHERE tx_id < getvariable('stop');
CREATE OR REPLACE TEMP VIEW transfer AS FROM query_table(getvariable('facts') || 'transfer') WHERE tx_id < getvariable('stop');
CREATE OR REPLACE TEMP VIEW outflow AS FROM query_table(getvariable('facts') || 'outflow') WHERE tx_id < getvariable('stop');
CREATE OR REPLACE TEMP VIEW inflow AS FROM query_table(getvariable('facts') || 'inflow') WHERE tx_id < getvariable('stop');
CREATE OR REPLACE TEMP VIEW relation AS FROM query_table(getvariable('facts') || 'relation') WHERE tx_id < getvariable('stop');
CREATE OR REPLACE TEMP VIEW event AS FROM query_table(getvariable('facts') || 'event') WHERE tx_id < getvariable('stop');
CREATE OR REPLACE TEMP VIEW txid_lookup AS FROM query_table(getvariable('facts') || 'txid_lookup') WHERE tx_id < getvariable('stop');
CREATE OR REPLACE TEMP VIEW opening AS FROM query_table(getvariable('facts') || 'opening') WHERE height <= getvariable('height');
CREATE OR REPLACE TEMP VIEW token AS FROM query_table(getvariable('facts') || 'token') WHERE height <= getvariable('height');
CREATE OR REPLACE TEMP VIEW quarantine AS FROM query_table(getvariable('facts') || 'quarantine') WHERE tx_id IS NULL OR tx_id < getvariable('stop');

-- name: next_address
-- one more than the greatest ids up to the height; what was told of an account that came later does not bring it in
SET VARIABLE next_asset = (
    SELECT max(asset_id) + 1 FROM (
        SELECT 0 AS asset_id UNION ALL SELECT max(asset_id) FROM transfer UNION ALL SELECT max(asset_id) FROM relation
    )
);
SET VARIABLE next_address = (
    SELECT coalesce(max(address_id) + 1, 0) FROM (
        SELECT max(producer) AS address_id FROM block
        UNION ALL SELECT max(greatest(sender, recipient, created)) FROM tx
        UNION ALL SELECT max(greatest(source, target)) FROM transfer
        UNION ALL SELECT max(greatest(giver, receiver)) FROM relation
        UNION ALL SELECT max(emitter) FROM event
        UNION ALL SELECT max(contract) FROM query_table(getvariable('facts') || 'asset') WHERE asset_id < getvariable('next_asset')
    )
);
-- name: hide_addresses_in_order
CREATE OR REPLACE TEMP VIEW asset AS FROM query_table(getvariable('facts') || 'asset') WHERE asset_id < getvariable('next_asset');
CREATE OR REPLACE TEMP VIEW address AS FROM query_table(getvariable('facts') || 'address') WHERE address_id < getvariable('next_address');
CREATE OR REPLACE TEMP VIEW address_lookup AS FROM query_table(getvariable('facts') || 'address_lookup') WHERE address_id < getvariable('next_address');
CREATE OR REPLACE TEMP VIEW opening AS FROM query_table(getvariable('facts') || 'opening')
WHERE height <= getvariable('height') AND address_id < getvariable('next_address') AND asset_id < getvariable('next_asset');
CREATE OR REPLACE TEMP VIEW token AS FROM query_table(getvariable('facts') || 'token')
WHERE height <= getvariable('height') AND contract < getvariable('next_address');
-- name: hide_addresses_in_any_order
CREATE OR REPLACE TEMP TABLE seen_asset AS SELECT DISTINCT asset_id FROM (
    SELECT 0 AS asset_id
    UNION ALL SELECT asset_id FROM transfer
    UNION ALL SELECT asset_id FROM relation WHERE asset_id IS NOT NULL
    UNION ALL SELECT asset_id FROM opening
) ORDER BY asset_id;
CREATE OR REPLACE TEMP VIEW asset AS FROM query_table(getvariable('facts') || 'asset') SEMI JOIN seen_asset USING (asset_id);
CREATE OR REPLACE TEMP TABLE seen_address AS SELECT DISTINCT address_id FROM (
    SELECT producer AS address_id FROM block
    UNION ALL SELECT sender FROM tx
    UNION ALL SELECT recipient FROM tx
    UNION ALL SELECT created FROM tx
    UNION ALL SELECT source FROM transfer
    UNION ALL SELECT target FROM transfer
    UNION ALL SELECT giver FROM relation
    UNION ALL SELECT receiver FROM relation
    UNION ALL SELECT emitter FROM event
    UNION ALL SELECT contract FROM asset
    UNION ALL SELECT address_id FROM opening
    UNION ALL SELECT contract FROM token
) WHERE address_id IS NOT NULL ORDER BY address_id;
CREATE OR REPLACE TEMP VIEW address AS FROM query_table(getvariable('facts') || 'address') SEMI JOIN seen_address USING (address_id);
CREATE OR REPLACE TEMP VIEW address_lookup AS FROM query_table(getvariable('facts') || 'address_lookup') SEMI JOIN seen_address USING (address_id);

-- name: has_links
SELECT count(*) FROM migration WHERE name = 'accounts_1';
-- name: own_links
CREATE TEMP TABLE meta (key VARCHAR PRIMARY KEY, value VARCHAR NOT NULL);
INSERT INTO meta FROM query_table(getvariable('facts') || 'meta') WHERE key = 'backfilled';
CREATE TEMP TABLE mix AS FROM query_table(getvariable('facts') || 'mix') LIMIT 0;
CREATE TEMP TABLE key_link AS FROM query_table(getvariable('facts') || 'key_link') LIMIT 0;
CREATE TEMP TABLE cluster AS FROM query_table(getvariable('facts') || 'cluster') LIMIT 0;
CREATE TEMP TABLE cluster_member AS FROM query_table(getvariable('facts') || 'cluster_member') LIMIT 0;
CREATE TEMP TABLE cluster_merge AS FROM query_table(getvariable('facts') || 'cluster_merge') LIMIT 0;
CREATE TEMP TABLE refused_link AS FROM query_table(getvariable('facts') || 'refused_link') LIMIT 0;
CREATE TEMP TABLE overlay_link AS FROM query_table(getvariable('facts') || 'overlay_link') LIMIT 0;
CREATE TEMP TABLE overlay AS FROM query_table(getvariable('facts') || 'overlay') LIMIT 0;
CREATE TEMP TABLE overlay_member AS FROM query_table(getvariable('facts') || 'overlay_member') LIMIT 0;
