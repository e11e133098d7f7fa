-- Whose money is asked about. `wanted` and `members` are registered frames, small against the tables.

-- name: members
-- Addresses of each of these clusters, and how many; of one with more than $most its first one alone. A cluster without a
-- row is an address by itself.
SELECT cluster_id, address_id, size FROM (
    SELECT cluster_id, address_id, count(*) OVER own AS size, row_number() OVER (own ORDER BY address_id) AS place
    FROM cluster_member WHERE cluster_id IN (SELECT cluster_id FROM wanted) WINDOW own AS (PARTITION BY cluster_id)
) WHERE size <= $most OR place = 1 ORDER BY cluster_id, address_id;

-- name: history
-- `members(address_id, seed)` -> transactions of each set, of sets with at most $most; one with more has no row.
WITH own AS MATERIALIZED (
    SELECT address_id, tx_id FROM address_tx WHERE address_id IN (SELECT address_id FROM members)
), once AS (
    SELECT DISTINCT m.seed, own.tx_id FROM own JOIN members AS m USING (address_id)
), counted AS (
    SELECT seed, tx_id, count(*) OVER (PARTITION BY seed) AS busy FROM once
)
SELECT seed, tx_id FROM counted WHERE busy <= $most ORDER BY seed, tx_id;

-- name: told
-- Of `members`, those whose every transaction an explorer told.
SELECT DISTINCT address_id FROM told_address
WHERE whole AND address_id IN (SELECT address_id FROM members) ORDER BY address_id;
