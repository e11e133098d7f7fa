-- Balances. Amounts are summed in two halves (quotient and remainder by 10^19): no asset's sum can overflow, whatever
-- somebody logged, and none can abort another's.

-- name: text
-- h * 10^19 + l as text, whatever their signs; NULL where one is
CREATE OR REPLACE TEMP MACRO half() AS 10000000000000000000::HUGEINT;
CREATE OR REPLACE TEMP MACRO rest(l) AS (l % half() + half()) % half();
CREATE OR REPLACE TEMP MACRO carried(h, l) AS h + (l - rest(l)) // half();
CREATE OR REPLACE TEMP MACRO plain(h, l) AS
    CASE WHEN h = 0 THEN l::VARCHAR ELSE h::VARCHAR || lpad(l::VARCHAR, 19, '0') END;
CREATE OR REPLACE TEMP MACRO units_text(h, l) AS CASE
    WHEN h IS NULL OR l IS NULL THEN NULL
    WHEN carried(h, l) >= 0 THEN plain(carried(h, l), rest(l))
    WHEN rest(l) = 0 THEN '-' || plain(-carried(h, l), 0::HUGEINT)
    ELSE '-' || plain(-carried(h, l) - 1, half() - rest(l)) END;

-- name: all
CREATE OR REPLACE TEMP VIEW moved AS
SELECT source AS address_id, asset_id, tx_id, position, -1 AS side, amount FROM outflow
UNION ALL SELECT target, asset_id, tx_id, position, 1, amount FROM inflow;
-- name: some
-- `asked` holds address_id
CREATE OR REPLACE TEMP VIEW moved AS
SELECT source AS address_id, asset_id, tx_id, position, -1 AS side, amount FROM outflow WHERE source IN (SELECT address_id FROM asked)
UNION ALL
SELECT target, asset_id, tx_id, position, 1, amount FROM inflow WHERE target IN (SELECT address_id FROM asked);

-- name: told
-- of each queue the last balance told up to a height; a later one says more than movements before it
CREATE OR REPLACE TEMP TABLE told AS
SELECT address_id, asset_id, max(height) AS height, arg_max_null(amount, height)::HUGEINT AS amount
FROM opening WHERE height <= $height GROUP BY address_id, asset_id ORDER BY address_id, asset_id;
-- name: told_of
DELETE FROM told WHERE address_id NOT IN (SELECT address_id FROM asked);
-- name: run
-- the blocks up to a height that were read without a gap, and the last of them of which no node told the calls
SELECT min(height), max(height) FILTER (NOT traced) FROM (
    SELECT height, traced, height - row_number() OVER (ORDER BY height) AS island FROM block WHERE height <= $height
) WHERE island = (SELECT $height - count(*) FROM block WHERE height <= $height);

-- name: balances
-- A queue's opening is known where every block since it was told was read (from block 0 on nothing need be told), of the
-- native coin with all calls.
WITH of_told AS (
    SELECT moved.address_id, moved.asset_id, side * (moved.amount::HUGEINT // half()) AS h,
        side * (moved.amount::HUGEINT % half()) AS l
    FROM moved LEFT JOIN told USING (address_id, asset_id)
    WHERE tx_id < $stop AND tx_id >= coalesce(told.height + 1, 0)::BIGINT << 24
        AND ($asset::INTEGER IS NULL OR moved.asset_id = $asset)
    UNION ALL
    SELECT address_id, asset_id, amount // half(), amount % half() FROM told WHERE $asset::INTEGER IS NULL OR asset_id = $asset
), sums AS (
    SELECT address_id, asset_id, sum(h) AS h, sum(l) AS l, count(*) > count(h) AS unknown FROM of_told GROUP BY address_id, asset_id
)
SELECT sums.address_id, sums.asset_id, CASE WHEN NOT unknown THEN units_text(h, l) END AS amount,
    coalesce($first <= coalesce(told.height + 1, 0) OR told.height = $height, false)
        AND (sums.asset_id <> 0 OR coalesce($untraced < coalesce(told.height + 1, 0), true)) AS opening_known,
    unknown
FROM sums LEFT JOIN told USING (address_id, asset_id)
ORDER BY sums.address_id, sums.asset_id;

-- name: negative
-- Running balances of the queues that paid out more than was told: where none can turn negative, none is walked.
WITH since AS (
    SELECT moved.*, coalesce(told.amount, 0) AS opened FROM moved LEFT JOIN told USING (address_id, asset_id)
    WHERE tx_id < $stop AND tx_id >= coalesce(told.height + 1, 0)::BIGINT << 24
        AND $first <= coalesce(told.height + 1, 0) AND (told.height IS NULL OR told.amount IS NOT NULL)
        AND (moved.asset_id <> 0 OR coalesce($untraced < coalesce(told.height + 1, 0), true))
), at_risk AS (
    SELECT address_id, asset_id FROM since WHERE side < 0 GROUP BY address_id, asset_id
    HAVING count(*) > count(amount) OR carried(sum(amount::HUGEINT // half()), sum(amount::HUGEINT % half())) >= any_value(opened) // half()
), step AS (
    SELECT address_id, asset_id, tx_id, position, any_value(opened) AS opened, bool_or(amount IS NULL) AS unknown,
        sum(side * (amount::HUGEINT // half())) AS h, sum(side * (amount::HUGEINT % half())) AS l
    FROM since SEMI JOIN at_risk USING (address_id, asset_id)
    GROUP BY address_id, asset_id, tx_id, position
), run AS (
    SELECT address_id, asset_id, tx_id, position, opened // half() + sum(h) OVER queue AS h,
        opened % half() + sum(l) OVER queue AS l, count_if(unknown) OVER queue AS unknown
    FROM step
    WINDOW queue AS (PARTITION BY address_id, asset_id ORDER BY tx_id, position ROWS UNBOUNDED PRECEDING)
)
SELECT address_id, asset_id, min(tx_id) AS tx_id, arg_min(position, (tx_id, position)) AS position,
    arg_min(units_text(h, l), (tx_id, position)) AS balance
FROM run WHERE unknown = 0 AND carried(h, l) < 0
GROUP BY address_id, asset_id ORDER BY min(tx_id), arg_min(position, (tx_id, position)), address_id;
