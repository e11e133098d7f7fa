-- A ledger as it was at a height. Temporary views of the tables' own names come before the tables themselves, so that
-- every query of the engine sees them. `facts` names the tables behind them: a view may not be named by its own name.
-- The bounds are variables, not rows to be joined: DuckDB folds them, and prunes as it does in the tables.

-- name: height_of_hash
SELECT height FROM block WHERE hash = $hash;
-- name: last_by
-- Times of blocks may run backwards a little: what is later than $time, and all above it, is left out.
SELECT max(height) FROM block WHERE height < coalesce((SELECT min(height) FROM block WHERE time > $time), 2147483647);
-- name: has_height
SELECT count(*) FROM block WHERE height = $height;

-- name: facts
SET VARIABLE facts = (SELECT '"' || current_database() || '".main.');
-- name: height
SET VARIABLE height = $height;
-- name: stop
SET VARIABLE stop = $stop;

-- name: hide
CREATE OR REPLACE TEMP VIEW block AS FROM query_table(getvariable('facts') || 'block') WHERE height <= getvariable('height');
CREATE OR REPLACE TEMP VIEW tx AS FROM query_table(getvariable('facts') || 'tx') WHERE tx_id < getvariable('stop');
CREATE OR REPLACE TEMP VIEW txout AS FROM query_table(getvariable('facts') || 'txout') WHERE tx_id < getvariable('stop');
CREATE OR REPLACE TEMP VIEW txin AS FROM query_table(getvariable('facts') || 'txin') WHERE tx_id < getvariable('stop');
CREATE OR REPLACE TEMP VIEW spend AS FROM query_table(getvariable('facts') || 'spend') WHERE tx_id < getvariable('stop');
CREATE OR REPLACE TEMP VIEW pending_spend AS FROM query_table(getvariable('facts') || 'pending_spend') WHERE tx_id < getvariable('stop');
CREATE OR REPLACE TEMP VIEW address_tx AS FROM query_table(getvariable('facts') || 'address_tx') WHERE tx_id < getvariable('stop');
CREATE OR REPLACE TEMP VIEW txid_lookup AS FROM query_table(getvariable('facts') || 'txid_lookup') WHERE tx_id < getvariable('stop');
-- name: hide_told
-- What was told as of a later block holds for this one: an output unspent then was so before, and one that is spent above
-- is spent by nothing else.
CREATE OR REPLACE TEMP VIEW told_tip AS FROM query_table(getvariable('facts') || 'told_tip') WHERE height <= getvariable('height');
CREATE OR REPLACE TEMP VIEW told_address AS FROM query_table(getvariable('facts') || 'told_address') WHERE height >= getvariable('height');
CREATE OR REPLACE TEMP VIEW told_unspent AS
FROM query_table(getvariable('facts') || 'told_unspent') WHERE tx_id < getvariable('stop') AND height >= getvariable('height')
UNION ALL
SELECT prev_tx_id AS tx_id, prev_vout AS vout, getvariable('height') AS height, '' AS host
FROM query_table(getvariable('facts') || 'spend') WHERE tx_id >= getvariable('stop') AND prev_tx_id < getvariable('stop');

-- name: next_address
-- one more than the greatest address id below the height; an input may show an address whose output was not read
SET VARIABLE next_address = (
    SELECT coalesce(max(address_id) + 1, 0) FROM (
        SELECT max(address_id) AS address_id FROM txout UNION ALL SELECT max(address_id) FROM txin
    )
);
-- name: hide_addresses_in_order
CREATE OR REPLACE TEMP VIEW address AS FROM query_table(getvariable('facts') || 'address') WHERE address_id < getvariable('next_address');
CREATE OR REPLACE TEMP VIEW address_lookup AS FROM query_table(getvariable('facts') || 'address_lookup') WHERE address_id < getvariable('next_address');
-- name: hide_addresses_in_any_order
CREATE OR REPLACE TEMP TABLE seen_address AS SELECT DISTINCT address_id FROM address_tx ORDER BY address_id;
CREATE OR REPLACE TEMP VIEW address AS FROM query_table(getvariable('facts') || 'address') SEMI JOIN seen_address USING (address_id);
CREATE OR REPLACE TEMP VIEW address_lookup AS FROM query_table(getvariable('facts') || 'address_lookup') SEMI JOIN seen_address USING (address_id);

-- name: has_links
SELECT count(*) FROM migration WHERE name = 'links_2';
-- name: show_links
-- views before the tables of links (pin.sql) give way to tables
DROP VIEW IF EXISTS temp.cluster;
DROP VIEW IF EXISTS temp.cluster_member;
DROP VIEW IF EXISTS temp.cluster_merge;
DROP VIEW IF EXISTS temp.mix;
DROP VIEW IF EXISTS temp.key_link;
DROP VIEW IF EXISTS temp.refused_link;
DROP VIEW IF EXISTS temp.meta;
-- name: own_links
-- empty tables of the links' names, which a build fills; of `meta` what concerns the facts
CREATE TEMP TABLE meta (key VARCHAR PRIMARY KEY, value VARCHAR NOT NULL);
INSERT INTO meta FROM query_table(getvariable('facts') || 'meta') WHERE key = 'backfilled';
CREATE TEMP TABLE mix AS FROM query_table(getvariable('facts') || 'mix') LIMIT 0;
CREATE TEMP TABLE cluster AS FROM query_table(getvariable('facts') || 'cluster') LIMIT 0;
CREATE TEMP TABLE cluster_member AS FROM query_table(getvariable('facts') || 'cluster_member') LIMIT 0;
CREATE TEMP TABLE cluster_merge AS FROM query_table(getvariable('facts') || 'cluster_merge') LIMIT 0;
CREATE TEMP TABLE key_link AS FROM query_table(getvariable('facts') || 'key_link') LIMIT 0;
CREATE TEMP TABLE key_form AS FROM query_table(getvariable('facts') || 'key_form') LIMIT 0;
CREATE TEMP TABLE refused_link AS FROM query_table(getvariable('facts') || 'refused_link') LIMIT 0;
CREATE TEMP TABLE overlay_link AS FROM query_table(getvariable('facts') || 'overlay_link') LIMIT 0;
CREATE TEMP TABLE overlay AS FROM query_table(getvariable('facts') || 'overlay') LIMIT 0;
CREATE TEMP TABLE overlay_member AS FROM query_table(getvariable('facts') || 'overlay_member') LIMIT 0;
