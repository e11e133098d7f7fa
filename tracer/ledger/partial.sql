-- Single transactions of blocks that were not read whole (tracer.ledger.partial), and how they give way.

-- Coming in --------------------------------------------------------------------------------------------

-- name: here
-- `asked(place, prefix, txid)` -> the transactions that are here
SELECT asked.place, tx.tx_id FROM asked
JOIN txid_lookup USING (prefix)
JOIN tx ON tx.tx_id = txid_lookup.tx_id AND tx.txid = asked.txid
ORDER BY asked.place, tx.tx_id;
-- name: contradicted
-- blocks of `arriving` that are not the ones known at their height, or around it
SELECT a.height, a.hash FROM arriving AS a JOIN block AS b ON b.height = a.height WHERE b.hash <> a.hash
UNION ALL
SELECT a.height, a.hash FROM arriving AS a JOIN block AS b ON b.height = a.height - 1 WHERE b.hash <> a.prev_hash
UNION ALL
SELECT a.height, a.hash FROM arriving AS a JOIN block AS b ON b.height = a.height + 1 WHERE b.prev_hash <> a.hash
UNION ALL
SELECT a.height, a.hash FROM arriving AS a JOIN arriving AS b ON b.height = a.height + 1 WHERE b.prev_hash <> a.hash
ORDER BY 1 LIMIT 1;
-- name: read_whole
-- transactions of `arriving(tx_id)` that lie in blocks which were read whole, and are not here
SELECT a.tx_id FROM arriving AS a JOIN block AS b ON b.height = (a.tx_id >> 24) AND b.whole ORDER BY a.tx_id LIMIT 1;
-- name: taken
-- transactions of `arriving(tx_id)` whose place another one has
SELECT a.tx_id FROM arriving AS a JOIN tx USING (tx_id) ORDER BY a.tx_id LIMIT 1;
-- name: insert_block
INSERT INTO block BY NAME
SELECT height, hash, prev_hash, merkle_root, time, version, bits, nonce, 0 AS tx_count, NULL AS size, false AS whole
FROM arriving ANTI JOIN block USING (height) ORDER BY height;
-- name: count_transactions
UPDATE block SET tx_count = tx_count + came.txs
FROM (SELECT tx_id >> 24 AS height, count(*)::INTEGER AS txs FROM arriving GROUP BY ALL) AS came
WHERE block.height = came.height;
-- name: out_of_order
-- From now on ids do not follow the order of the chain.
INSERT OR IGNORE INTO meta VALUES ('backfilled', 'true');
-- name: unlink
-- Clusters were built on what was here before.
DELETE FROM meta WHERE key IN ('clustering', 'overlay');

-- What was told ----------------------------------------------------------------------------------------

-- name: told_tip
INSERT INTO told_tip SELECT $height, $hash, $host
WHERE NOT EXISTS (SELECT 1 FROM told_tip WHERE height = $height AND host = $host);
-- name: untell_unspent
-- `arriving(tx_id, vout)`: what was told as of a block below is said anew
DELETE FROM told_unspent USING arriving WHERE told_unspent.tx_id = arriving.tx_id AND told_unspent.vout = arriving.vout;
-- name: tell_unspent
INSERT INTO told_unspent SELECT tx_id, vout, $height, $host FROM arriving ORDER BY tx_id, vout;
-- name: untell_address
-- `arriving(address_id, txs, whole)`
DELETE FROM told_address USING arriving
WHERE told_address.address_id = arriving.address_id AND told_address.whole = arriving.whole;
-- name: tell_address
INSERT INTO told_address SELECT address_id, txs, whole, $height, $host FROM arriving ORDER BY address_id;
-- name: unspent
-- Of the outputs in `frontier(tx_id, vout)`, those that nothing here spends and that were said to be unspent as of
-- $height or later: by an explorer of the output, or of its address, whose whole history is here (a bare public key is
-- no address to an explorer).
SELECT f.tx_id, f.vout FROM frontier AS f
JOIN told_unspent AS t ON t.tx_id = f.tx_id AND t.vout = f.vout AND t.height >= $height
UNION
SELECT f.tx_id, f.vout FROM frontier AS f
JOIN txout AS o ON o.tx_id = f.tx_id AND o.vout = f.vout AND o.kind <> 1
JOIN told_address AS a ON a.address_id = o.address_id AND a.whole AND a.height >= $height
ORDER BY 1, 2;
-- name: crowded
-- Of `asked` addresses, those that were said to have more than $most transactions.
SELECT address_id, max(txs) AS degree FROM told_address
WHERE address_id IN (SELECT address_id FROM asked) AND txs > $most GROUP BY address_id ORDER BY address_id;
-- name: addresses
-- Of `asked` addresses that were told of: transactions, as of which height, and to which height all of them are here (-1).
SELECT address_id, max(txs), max(height), coalesce(max(height) FILTER (whole), -1) FROM told_address
WHERE address_id IN (SELECT address_id FROM asked) GROUP BY address_id ORDER BY address_id;
-- name: hosts
SELECT DISTINCT host FROM told_tip ORDER BY host;
-- name: blocks
-- the newest first
SELECT height, hash FROM block WHERE NOT whole ORDER BY height DESC;
-- name: header
SELECT version, prev_hash, merkle_root, time, bits, nonce FROM block WHERE height = $height AND hash = $hash;
-- name: spent
-- Those of the outputs in `frontier(tx_id, vout)` that something here spends.
SELECT f.tx_id, f.vout FROM frontier AS f JOIN spend AS s ON s.prev_tx_id = f.tx_id AND s.prev_vout = f.vout;

-- Going ------------------------------------------------------------------------------------------------

-- name: any
SELECT count(*) FROM block WHERE NOT whole;
-- name: of_another_branch
-- The least height of a block that is not whole and contradicts what arrives: `arriving` are the blocks of one run,
-- `spending(prev_txid, prev_vout, tx_id)` what they spend.
SELECT min(height) FROM (
    SELECT b.height FROM block AS b JOIN arriving AS a ON a.height = b.height WHERE NOT b.whole AND b.hash <> a.hash
    UNION ALL
    SELECT b.height FROM block AS b JOIN arriving AS a ON a.height + 1 = b.height WHERE NOT b.whole AND b.prev_hash <> a.hash
    UNION ALL
    SELECT b.height FROM block AS b
    JOIN pending_spend AS p ON (p.tx_id >> 24) = b.height
    JOIN spending AS s ON s.prev_txid = p.prev_txid AND s.prev_vout = p.prev_vout AND s.tx_id <> p.tx_id
    WHERE NOT b.whole
    UNION ALL
    SELECT b.height FROM block AS b
    JOIN spend AS p ON (p.tx_id >> 24) = b.height
    JOIN tx ON tx.tx_id = p.prev_tx_id
    JOIN spending AS s ON s.prev_txid = tx.txid AND s.prev_vout = p.prev_vout AND s.tx_id <> p.tx_id
    WHERE NOT b.whole
);
-- name: going_from
CREATE OR REPLACE TEMP TABLE going AS SELECT height FROM block WHERE NOT whole AND height >= $height ORDER BY height;
-- name: going_between
CREATE OR REPLACE TEMP TABLE going AS
SELECT height FROM block WHERE NOT whole AND height BETWEEN $first AND $last ORDER BY height;
-- name: going
SELECT count(*) FROM going;
-- name: forget_told
DELETE FROM told_tip WHERE height >= $height;
DELETE FROM told_unspent WHERE height >= $height;
DELETE FROM told_address WHERE height >= $height;
-- name: unsettle
-- What stays and spends what goes waits for it again; the amount was told, or read.
INSERT INTO pending_spend
SELECT tx.txid, i.prev_vout, i.tx_id, i.vin FROM txin AS i JOIN tx ON tx.tx_id = i.prev_tx_id
WHERE (i.prev_tx_id >> 24) IN (FROM going) AND (i.tx_id >> 24) NOT IN (FROM going)
ORDER BY i.tx_id, i.vin;
UPDATE txin SET prev_tx_id = NULL WHERE (prev_tx_id >> 24) IN (FROM going) AND (tx_id >> 24) NOT IN (FROM going);
DELETE FROM spend WHERE (prev_tx_id >> 24) IN (FROM going);
DELETE FROM told_unspent WHERE (tx_id >> 24) IN (FROM going);
-- name: remove
DELETE FROM spend WHERE (tx_id >> 24) IN (FROM going);
DELETE FROM pending_spend WHERE (tx_id >> 24) IN (FROM going);
DELETE FROM txin WHERE (tx_id >> 24) IN (FROM going);
DELETE FROM txout WHERE (tx_id >> 24) IN (FROM going);
DELETE FROM address_tx WHERE (tx_id >> 24) IN (FROM going);
DELETE FROM txid_lookup WHERE (tx_id >> 24) IN (FROM going);
DELETE FROM tx WHERE (tx_id >> 24) IN (FROM going);
DELETE FROM mix WHERE (tx_id >> 24) IN (FROM going);
DELETE FROM block WHERE NOT whole AND height IN (FROM going);
DELETE FROM meta WHERE key IN ('clustering', 'overlay');
-- name: remove_addresses
DELETE FROM told_address WHERE address_id NOT IN (SELECT address_id FROM address_tx);
DELETE FROM address WHERE address_id NOT IN (SELECT address_id FROM address_tx);
DELETE FROM address_lookup WHERE address_id NOT IN (SELECT address_id FROM address);
