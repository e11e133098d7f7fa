-- What speaks for a link between two clusters of accounts (`side`: address_id, side 0 or 1, asked) and makes none.
-- `own(address_id, party)` are known services' accounts. Rows as those of leads.sql, with who stands between at the end.

-- name: funded
-- who sent an account of the one its first native coin: an account of the other, or one that did so for both
WITH came AS MATERIALIZED (
    SELECT inflow.target AS address_id, side.side, side.asked, inflow.tx_id, inflow.position, inflow.source
    FROM inflow JOIN side ON inflow.target = side.address_id
    WHERE inflow.asset_id = 0 AND inflow.tx_id < $stop
),
first AS MATERIALIZED (
    SELECT address_id, side, any_value(asked) AS asked, min(tx_id) AS tx_id,
           arg_min(coalesce(source, -1), {'tx_id': tx_id, 'position': position}) AS funder
    FROM came
    -- who held something before the first block read, or may have, was not given its first coin there
    WHERE address_id NOT IN (SELECT address_id FROM opening WHERE asset_id = 0 AND coalesce(amount, 1) > 0)
        AND ((SELECT min(height) FROM block) = 0 OR address_id IN (SELECT address_id FROM opening WHERE asset_id = 0))
    GROUP BY address_id, side
),
few AS MATERIALIZED (
    SELECT outflow.source AS funder FROM outflow
    WHERE outflow.source IN (SELECT funder FROM first) AND outflow.asset_id = 0 AND outflow.kind <= $moving
    GROUP BY outflow.source HAVING count(DISTINCT outflow.target) <= $fan
),
good AS (SELECT first.* FROM first SEMI JOIN few USING (funder) ANTI JOIN own ON first.funder = own.address_id),
pair AS (
    SELECT NOT (good.asked AND side.asked) AS others, good.tx_id,
           CASE WHEN good.side = 0 THEN good.address_id ELSE side.address_id END AS x,
           CASE WHEN good.side = 0 THEN side.address_id ELSE good.address_id END AS y, NULL::INTEGER AS between
    FROM good JOIN side ON side.address_id = good.funder AND side.side <> good.side
    UNION ALL
    SELECT NOT (one.asked AND two.asked), greatest(one.tx_id, two.tx_id), one.address_id, two.address_id, one.funder
    FROM good AS one JOIN good AS two ON one.funder = two.funder AND one.side = 0 AND two.side = 1
)
SELECT others, tx_id, NULL AS vin_x, x, NULL AS vin_y, y, NULL AS kind, NULL AS participants, NULL AS confidence,
       $heuristic AS heuristic, NULL AS reason, NULL AS a, NULL AS b, between, count(*) OVER () AS total
FROM pair ORDER BY others, tx_id, x, y, between LIMIT $limit;

-- name: authorised
-- who moved another's tokens after that other sent it an approval, in a transaction of its own; for more than $fan: a business
WITH moved AS MATERIALIZED (
    SELECT tx.sender AS spender, outflow.source AS owner, min(outflow.tx_id) AS tx_id
    FROM relation
    JOIN tx AS said ON said.tx_id = relation.tx_id AND said.sender = relation.giver
    JOIN outflow ON outflow.source = relation.giver AND outflow.tx_id > relation.tx_id
    JOIN tx ON tx.tx_id = outflow.tx_id AND tx.sender = relation.receiver
    JOIN asset ON asset.asset_id = outflow.asset_id
    JOIN asset AS allowed ON allowed.asset_id = relation.asset_id AND allowed.contract = asset.contract
    WHERE relation.kind = $approval AND relation.giver <> relation.receiver AND outflow.kind <= $moving
        AND relation.giver IN (SELECT address_id FROM side) AND outflow.tx_id < $stop
    GROUP BY ALL
),
few AS (
    SELECT receiver AS spender FROM relation
    WHERE kind = $approval AND receiver IN (SELECT spender FROM moved)
    GROUP BY receiver HAVING count(DISTINCT giver) <= $fan
),
pair AS (
    SELECT NOT (one.asked AND two.asked) AS others, moved.tx_id, NULL::INTEGER AS between,
           CASE WHEN one.side = 0 THEN one.address_id ELSE two.address_id END AS x,
           CASE WHEN one.side = 0 THEN two.address_id ELSE one.address_id END AS y
    FROM moved SEMI JOIN few USING (spender)
    JOIN side AS one ON one.address_id = moved.owner JOIN side AS two ON two.address_id = moved.spender
    WHERE one.side <> two.side
)
SELECT others, tx_id, NULL AS vin_x, x, NULL AS vin_y, y, NULL AS kind, NULL AS participants, NULL AS confidence,
       $heuristic AS heuristic, NULL AS reason, NULL AS a, NULL AS b, between, count(*) OVER () AS total
FROM pair ORDER BY others, tx_id, x, y LIMIT $limit;

-- name: operated
-- Tron: who activated an account of the one or lent it energy: an account of the other, or one that did so for both
WITH told AS MATERIALIZED (
    SELECT relation.receiver AS address_id, side.side, side.asked, relation.giver, min(relation.tx_id) AS tx_id
    FROM relation JOIN side ON relation.receiver = side.address_id
    WHERE relation.kind IN ($activation, $delegation) AND relation.tx_id < $stop
    GROUP BY ALL
),
few AS MATERIALIZED (
    SELECT giver FROM relation WHERE kind IN ($activation, $delegation) AND giver IN (SELECT giver FROM told)
    GROUP BY giver HAVING count(DISTINCT receiver) <= $fan
),
good AS (SELECT told.* FROM told SEMI JOIN few USING (giver) ANTI JOIN own ON told.giver = own.address_id),
pair AS (
    SELECT NOT (good.asked AND side.asked) AS others, good.tx_id,
           CASE WHEN good.side = 0 THEN good.address_id ELSE side.address_id END AS x,
           CASE WHEN good.side = 0 THEN side.address_id ELSE good.address_id END AS y, NULL::INTEGER AS between
    FROM good JOIN side ON side.address_id = good.giver AND side.side <> good.side
    UNION ALL
    SELECT NOT (one.asked AND two.asked), greatest(one.tx_id, two.tx_id), one.address_id, two.address_id, one.giver
    FROM good AS one JOIN good AS two ON one.giver = two.giver AND one.side = 0 AND two.side = 1
)
SELECT others, tx_id, NULL AS vin_x, x, NULL AS vin_y, y, NULL AS kind, NULL AS participants, NULL AS confidence,
       $heuristic AS heuristic, NULL AS reason, NULL AS a, NULL AS b, between, count(*) OVER () AS total
FROM pair ORDER BY others, tx_id, x, y, between LIMIT $limit;
