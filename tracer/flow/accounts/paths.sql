-- What paths on an account chain lead past.

-- name: passed
-- In how many of `wanted(tx_id, source, target)`, conversions with who gave and who got, one of `members(address_id)`
-- who is neither of them paid or was paid.
WITH moved AS MATERIALIZED (
    SELECT tx_id, source, target FROM transfer
    WHERE tx_id IN (SELECT tx_id FROM wanted) AND kind NOT IN (5, 6)
), met AS (
    SELECT m.tx_id, m.source AS address_id FROM moved AS m SEMI JOIN members AS p ON p.address_id = m.source
    UNION
    SELECT m.tx_id, m.target FROM moved AS m SEMI JOIN members AS p ON p.address_id = m.target
)
SELECT count(DISTINCT w.tx_id) FROM wanted AS w JOIN met ON met.tx_id = w.tx_id
WHERE met.address_id IS DISTINCT FROM w.source AND met.address_id IS DISTINCT FROM w.target;
