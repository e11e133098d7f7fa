-- What a seed set on an account chain received and paid. `members(address_id, seed, since, until)` is who is in the set
-- and when, `points(tx_id, position, seed)` are transfers that are lots themselves. Burnt gas is no payment here.

-- name: touching
WITH moved AS (
    SELECT i.tx_id, i.position, i.kind, i.asset_id, i.source, i.target, i.amount
    FROM inflow AS i WHERE i.target IN (SELECT address_id FROM members)
    UNION
    SELECT o.tx_id, o.position, o.kind, o.asset_id, o.source, o.target, o.amount
    FROM outflow AS o WHERE o.source IN (SELECT address_id FROM members)
), timed AS (
    SELECT moved.*, b.time FROM moved JOIN block AS b ON b.height = (moved.tx_id >> 24)
    WHERE moved.kind <> 5 AND b.time >= $after AND b.time < $before
)
SELECT t.tx_id, t.position, t.kind, t.asset_id, t.source, t.target, t.amount, t.time,
       min(i.seed) AS seed_in, min(o.seed) AS seed_out, false AS lot
FROM timed AS t
LEFT JOIN members AS i ON i.address_id = t.target AND i.since <= t.time AND t.time < i.until
LEFT JOIN members AS o ON o.address_id = t.source AND o.since <= t.time AND t.time < o.until
GROUP BY ALL
HAVING min(i.seed) IS NOT NULL OR min(o.seed) IS NOT NULL
ORDER BY t.tx_id, t.position;

-- name: lots
SELECT t.tx_id, t.position, t.kind, t.asset_id, t.source, t.target, t.amount, b.time,
       p.seed AS seed_in, NULL::INTEGER AS seed_out, true AS lot
FROM points AS p
JOIN transfer AS t ON t.tx_id = p.tx_id AND t.position = p.position
JOIN block AS b ON b.height = (t.tx_id >> 24)
ORDER BY t.tx_id, t.position;
