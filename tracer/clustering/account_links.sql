-- Why two accounts may share control (heuristics.md section B). `own(address_id, party)`: whose an account is known to
-- be; `hot(address_id, party)`: where services sweep to. Fees move nothing here: kinds up to $moving are value moves.
-- Anybody can log a transfer or an approval in anybody's name. So a movement counts here that is of the native coin, or of
-- a token everybody knows (`sound`), and a token's in addition only where a party to it signed.

-- name: sound
CREATE OR REPLACE TEMP TABLE sound AS
SELECT 0 AS asset_id UNION ALL
SELECT asset_id FROM asset JOIN token USING (contract) WHERE token.genuine AND asset.token_id IS NULL;

-- name: made
-- contracts, and who made them
CREATE OR REPLACE TEMP TABLE made AS
SELECT receiver AS address_id, min(giver) AS factory FROM relation WHERE kind IN ($create, $create2) GROUP BY receiver
UNION ALL
SELECT created, min(sender) FROM tx
WHERE created IS NOT NULL AND created NOT IN (SELECT receiver FROM relation WHERE kind IN ($create, $create2))
GROUP BY created;

-- name: deposits
-- Deposit accounts: nobody's by name, they pay nobody but one party's accounts, and have few transactions. What they pay is
-- signed by themselves or that party.
CREATE OR REPLACE TEMP TABLE deposit AS
WITH paid AS MATERIALIZED (
    SELECT DISTINCT inflow.source AS address_id FROM inflow SEMI JOIN hot ON inflow.target = hot.address_id
    SEMI JOIN sound USING (asset_id) ANTI JOIN own ON inflow.source = own.address_id
    WHERE inflow.kind <= $moving AND inflow.source IS NOT NULL
),
spent AS MATERIALIZED (
    SELECT outflow.source AS address_id, outflow.tx_id, outflow.position, outflow.target, party.party
    FROM outflow SEMI JOIN paid ON outflow.source = paid.address_id SEMI JOIN sound USING (asset_id)
    JOIN tx USING (tx_id) LEFT JOIN own AS party ON outflow.target = party.address_id
    LEFT JOIN own AS signer ON tx.sender = signer.address_id
    WHERE outflow.kind <= $moving
        AND (outflow.asset_id = 0 OR tx.sender = outflow.source OR signer.party = party.party)
),
one AS (
    SELECT address_id, min(party) AS party, count(DISTINCT tx_id) AS sweeps FROM spent
    GROUP BY address_id HAVING count(party) = count(*) AND min(party) = max(party)
),
busy AS (
    SELECT target AS address_id, count(DISTINCT tx_id) AS receipts FROM inflow
    WHERE target IN (SELECT address_id FROM one) GROUP BY target
)
SELECT one.address_id, one.party, min(spent.tx_id) AS tx_id,
       arg_min(spent.target, {'tx_id': spent.tx_id, 'position': spent.position}) AS hot_address
FROM one JOIN spent USING (address_id) JOIN busy USING (address_id) SEMI JOIN hot ON spent.target = hot.address_id
WHERE one.sweeps + busy.receipts <= $most
GROUP BY one.address_id, one.party ORDER BY one.address_id;

-- name: swept
SELECT tx_id, hot_address AS a, address_id AS b FROM deposit ORDER BY tx_id, b;

-- name: forwarders
-- Contracts that send on all they get to one account, soon and by that account's own signature (or its service's), of a
-- factory that made at least $clones such for it. A smart wallet signs for its owner, not for whom it pays.
WITH spent AS MATERIALIZED (
    SELECT outflow.source AS address_id, made.factory, min(outflow.target) AS sink, min(outflow.tx_id) AS tx_id
    FROM outflow JOIN made ON outflow.source = made.address_id SEMI JOIN sound USING (asset_id)
    WHERE outflow.kind <= $moving
    GROUP BY ALL HAVING count(outflow.target) = count(*) AND min(outflow.target) = max(outflow.target)
),
gone AS MATERIALIZED (
    SELECT outflow.source AS address_id, outflow.asset_id, outflow.tx_id, outflow.amount,
           tx.sender = outflow.target OR coalesce(signer.party = party.party, FALSE) AS signed
    FROM outflow JOIN spent ON outflow.source = spent.address_id SEMI JOIN sound USING (asset_id) JOIN tx ON tx.tx_id = outflow.tx_id
    LEFT JOIN own AS signer ON tx.sender = signer.address_id LEFT JOIN own AS party ON outflow.target = party.address_id
    WHERE outflow.kind <= $moving
),
came AS MATERIALIZED (
    SELECT inflow.target AS address_id, inflow.asset_id, inflow.tx_id, inflow.amount
    FROM inflow JOIN spent ON inflow.target = spent.address_id SEMI JOIN sound USING (asset_id)
),
kept AS (                               -- what is there still, or is not known
    SELECT address_id FROM (
        SELECT address_id, asset_id, amount AS units, 1 AS sign FROM came
        UNION ALL SELECT address_id, asset_id, amount, -1 FROM gone
    ) GROUP BY address_id, asset_id
    HAVING count(units) < count(*) OR max(units) >= $large
        OR sum(CASE WHEN units < $large THEN sign * CAST(units AS HUGEINT) END) <> 0
),
late AS (
    SELECT came.address_id
    FROM came ASOF LEFT JOIN gone ON came.address_id = gone.address_id AND came.asset_id = gone.asset_id AND came.tx_id <= gone.tx_id
    LEFT JOIN block AS in_block ON in_block.height = came.tx_id >> 24
    LEFT JOIN block AS out_block ON out_block.height = gone.tx_id >> 24
    WHERE gone.tx_id IS NULL OR out_block.time - in_block.time > $seconds
),
good AS (
    SELECT * FROM spent ANTI JOIN kept USING (address_id) ANTI JOIN late USING (address_id)
    ANTI JOIN (SELECT address_id FROM gone WHERE NOT signed) AS unsigned USING (address_id)
    SEMI JOIN came USING (address_id)
    WHERE sink NOT IN (SELECT address_id FROM made) AND sink NOT IN (SELECT contract FROM asset WHERE contract IS NOT NULL)
),
several AS (
    SELECT factory, sink FROM good GROUP BY factory, sink HAVING count(*) >= $clones
)
SELECT tx_id, sink AS a, address_id AS b FROM good JOIN several USING (factory, sink) ORDER BY tx_id, b;

-- name: depositors
-- Who paid into one deposit account, where what was paid went on to the service within $blocks blocks, less at most $slack
-- of the native coin and nothing of a token, and the account's gas was the service's or it needed none. A depositor signed
-- the payment, is nobody known, makes no blocks, and pays into at most $fan deposit accounts: who pays into several
-- customers' accounts is none of them.
WITH came AS MATERIALIZED (
    SELECT inflow.target AS deposit, inflow.source AS payer, inflow.tx_id, inflow.position, inflow.asset_id, inflow.amount
    FROM inflow JOIN deposit ON inflow.target = deposit.address_id SEMI JOIN sound USING (asset_id)
    JOIN tx ON tx.tx_id = inflow.tx_id AND tx.sender = inflow.source
    ANTI JOIN own ON inflow.source = own.address_id
    WHERE inflow.kind <= $moving AND inflow.amount IS NOT NULL
        AND inflow.source NOT IN (SELECT producer FROM block WHERE producer IS NOT NULL)
        AND inflow.source NOT IN (SELECT address_id FROM deposit)
),
gone AS MATERIALIZED (
    SELECT outflow.source AS deposit, outflow.asset_id, outflow.tx_id, outflow.amount
    FROM outflow JOIN deposit ON outflow.source = deposit.address_id SEMI JOIN sound USING (asset_id)
    JOIN hot ON outflow.target = hot.address_id
    WHERE outflow.kind <= $moving AND outflow.amount IS NOT NULL
),
fed AS (                                -- whose gas comes from the service, or who needs none
    SELECT deposit.address_id FROM deposit JOIN made USING (address_id)
    UNION
    SELECT deposit.address_id FROM deposit JOIN inflow ON inflow.target = deposit.address_id AND inflow.asset_id = 0
    JOIN own ON own.address_id = inflow.source AND own.party = deposit.party
),
matched AS (
    SELECT came.deposit, came.payer, came.tx_id, came.position, came.asset_id,
           (gone.tx_id >> 24) - (came.tx_id >> 24) AS waited, came.amount - gone.amount AS less
    FROM came ASOF JOIN gone ON came.deposit = gone.deposit AND came.asset_id = gone.asset_id AND came.tx_id <= gone.tx_id
),
good AS MATERIALIZED (
    SELECT deposit, payer, min({'tx_id': tx_id, 'position': position}) AS place,
           max(CAST(50 * ($blocks - waited) AS DOUBLE) / $blocks + CASE WHEN asset_id = 0
               THEN 50 * (1 - CAST(less AS DOUBLE) / $slack) ELSE 50 END) AS confidence
    FROM matched
    WHERE waited <= $blocks AND CASE WHEN asset_id = 0 THEN less BETWEEN 0 AND $slack
        ELSE less = 0 AND deposit IN (SELECT address_id FROM fed) END
    GROUP BY deposit, payer
),
few AS (                                -- every deposit account somebody paid into counts, matched or not
    SELECT payer FROM came GROUP BY payer HAVING count(DISTINCT deposit) <= $fan
),
ordered AS (
    SELECT good.*, first_value(payer) OVER (PARTITION BY deposit ORDER BY place, payer) AS earliest
    FROM good SEMI JOIN few USING (payer)
)
SELECT place.tx_id AS tx_id, earliest AS a, payer AS b, CAST(floor(confidence) AS INTEGER) AS confidence
FROM ordered WHERE earliest <> payer ORDER BY tx_id, a, b;
