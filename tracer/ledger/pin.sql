-- What a reader stood on when it let go of the file, and how it sees that again. `facts.main` are the tables themselves:
-- what a reader asks may be views before them (asof.sql, and those below).

-- name: tip
SELECT height, hash FROM block WHERE height = (SELECT max(height) FROM block);
-- name: hash_at
SELECT hash FROM facts.main.block WHERE height = $height;
-- name: below
-- What changes up to a height where anything but later blocks comes in.
SELECT (SELECT count(*) FROM facts.main.block WHERE height <= $height),
       (SELECT coalesce(sum(tx_count), 0)::BIGINT FROM facts.main.block WHERE height <= $height AND NOT whole),
       (SELECT count(*) FROM facts.main.pending_spend WHERE tx_id < $stop),
       (SELECT count(*) FROM facts.main.told_tip WHERE height <= $height),
       (SELECT count(*) FROM facts.main.told_unspent WHERE height <= $height),
       (SELECT count(*) FROM facts.main.told_address WHERE height <= $height);
-- name: below_accounts
SELECT (SELECT count(*) FROM facts.main.block WHERE height <= $height),
       (SELECT count(*) FROM facts.main.opening WHERE height <= $height AND address_id < $next_address),
       (SELECT count(*) FROM facts.main.token WHERE height <= $height);
-- name: next_address
SELECT coalesce(max(address_id) + 1, 0) FROM facts.main.address;
-- name: own_links
-- Whether this reader has clusters of its own (asof.sql `own_links`).
SELECT count(*) > 0 FROM duckdb_tables() WHERE temporary AND table_name = 'cluster';
-- name: record
SELECT value FROM facts.main.meta WHERE key = 'clustering';

-- name: step
-- The last step away from clusters of this record, and the height where they ended.
SELECT step, height FROM facts.main.link_former WHERE record = $record ORDER BY step DESC LIMIT 1;
-- name: former_cluster
-- Rows of `cluster` that changed since, as they were; `cluster_id` NULL where there was none.
CREATE OR REPLACE TEMP TABLE former_cluster AS
SELECT DISTINCT ON (address_id) address_id, cluster_id FROM facts.main.cluster_former
WHERE step >= $step ORDER BY address_id, step;
-- name: former_meta
CREATE OR REPLACE TEMP TABLE former_meta AS SELECT 'clustering' AS key, $record::VARCHAR AS value WHERE $record IS NOT NULL;
-- name: linked_below
SET VARIABLE linked_below = $linked_below;
-- name: hide_links
CREATE OR REPLACE TEMP VIEW cluster AS
SELECT address_id, cluster_id FROM facts.main.cluster ANTI JOIN former_cluster USING (address_id)
UNION ALL SELECT address_id, cluster_id FROM former_cluster WHERE cluster_id IS NOT NULL;
CREATE OR REPLACE TEMP VIEW cluster_member AS
SELECT cluster_id, address_id FROM facts.main.cluster_member ANTI JOIN former_cluster USING (address_id)
UNION ALL SELECT cluster_id, address_id FROM former_cluster WHERE cluster_id IS NOT NULL;
CREATE OR REPLACE TEMP VIEW mix AS FROM facts.main.mix WHERE tx_id < getvariable('linked_below');
CREATE OR REPLACE TEMP VIEW key_link AS FROM facts.main.key_link WHERE tx_id < getvariable('linked_below');
CREATE OR REPLACE TEMP VIEW cluster_merge AS FROM facts.main.cluster_merge WHERE tx_id < getvariable('linked_below');
CREATE OR REPLACE TEMP VIEW refused_link AS
FROM facts.main.refused_link WHERE tx_id < getvariable('linked_below') AND tier = 'conservative';
CREATE OR REPLACE TEMP VIEW meta AS
FROM facts.main.meta WHERE key NOT IN ('clustering', 'overlay') UNION ALL FROM former_meta;
