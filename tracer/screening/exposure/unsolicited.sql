-- Inflow of account chains that nobody asked for. Registered frames are small against the tables.

-- name: signed
-- Those of `asked(place, tx_id, target)` whose payee signed the transaction, or paid in it: it asked for what it got.
WITH signer AS MATERIALIZED (
    SELECT tx_id, sender FROM tx WHERE tx_id IN (SELECT tx_id FROM asked)
), payer AS MATERIALIZED (
    SELECT source, tx_id FROM outflow
    WHERE source IN (SELECT target FROM asked) AND tx_id IN (SELECT tx_id FROM asked)
)
SELECT a.place FROM asked AS a JOIN signer AS s ON s.tx_id = a.tx_id AND s.sender = a.target
UNION
SELECT a.place FROM asked AS a JOIN payer AS p ON p.tx_id = a.tx_id AND p.source = a.target
ORDER BY place;

-- name: fans
-- `asked(place, day, source, asset_id, amount)` -> how many accounts got just as much from the same one on that UTC day.
WITH paid AS MATERIALIZED (
    SELECT source, asset_id, amount, target, tx_id FROM outflow
    WHERE source IN (SELECT source FROM asked) AND asset_id IN (SELECT asset_id FROM asked)
      AND amount IN (SELECT amount FROM asked)
)
SELECT a.place, count(DISTINCT p.target) AS accounts
FROM asked AS a
JOIN paid AS p ON p.source = a.source AND p.asset_id = a.asset_id AND p.amount = a.amount
JOIN block AS b ON b.height = (p.tx_id >> 24) AND b.time // 86400 = a.day
GROUP BY a.place ORDER BY a.place;

-- name: spent
-- Those of `asked(place, target, asset_id)` whose payee ever paid with that asset.
WITH own AS MATERIALIZED (
    SELECT DISTINCT source, asset_id FROM outflow WHERE source IN (SELECT target FROM asked)
)
SELECT a.place FROM asked AS a JOIN own AS o ON o.source = a.target AND o.asset_id = a.asset_id ORDER BY a.place;

-- name: tokens
-- Of `asked(asset_id)`, tokens: decimals, and whether it is the contract that everybody knows by its symbol.
SELECT a.asset_id, t.decimals, coalesce(t.genuine, false) AS genuine
FROM asset AS a LEFT JOIN token AS t ON t.contract = a.contract
WHERE a.asset_id IN (SELECT asset_id FROM asked) ORDER BY a.asset_id;
