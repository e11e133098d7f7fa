-- Loading: what a turn asks the store, and how it becomes part of it.

-- name: find_prevouts
-- BIP 30 duplicates: the latest transaction with that txid is the one that can be spent. What is in a shielded pool
-- (kind 11) no outpoint names.
-- (IN prunes the large tables to the candidates before anything is joined: half the time)
WITH candidate AS MATERIALIZED (
    SELECT wanted.row, wanted.prev_txid, wanted.prev_vout, txid_lookup.tx_id FROM wanted JOIN txid_lookup USING (prefix)
), seen AS MATERIALIZED (
    SELECT tx_id, txid FROM tx WHERE tx_id IN (SELECT tx_id FROM candidate)
), hit AS MATERIALIZED (
    SELECT candidate.row, candidate.prev_vout, max(seen.tx_id) AS tx_id
    FROM candidate JOIN seen ON seen.tx_id = candidate.tx_id AND seen.txid = candidate.prev_txid
    GROUP BY ALL
), coin AS MATERIALIZED (
    SELECT tx_id, vout, value, kind, address_id FROM txout WHERE tx_id IN (SELECT tx_id FROM hit) AND kind <> 11
), gone AS MATERIALIZED (
    SELECT prev_tx_id, prev_vout FROM spend WHERE prev_tx_id IN (SELECT tx_id FROM hit)
)
SELECT hit.row, hit.tx_id, coin.value, coin.kind, coin.address_id, gone.prev_tx_id IS NOT NULL AS spent
FROM hit
LEFT JOIN coin ON coin.tx_id = hit.tx_id AND coin.vout = hit.prev_vout
LEFT JOIN gone ON gone.prev_tx_id = hit.tx_id AND gone.prev_vout = hit.prev_vout
ORDER BY hit.row;

-- name: wanted_twice
SELECT min(row) FROM (
    SELECT list_sort(list(row))[2] AS row FROM wanted GROUP BY prev_txid, prev_vout HAVING count(*) > 1
    UNION ALL
    SELECT wanted.row FROM wanted JOIN pending_spend USING (prev_txid, prev_vout)
);

-- name: next_address_id
SELECT coalesce(max(address_id) + 1, 0) FROM address;

-- name: insert_block
INSERT INTO block BY NAME
SELECT height, hash, prev_hash, merkle_root, time, version, bits, nonce, tx_count, size, true AS whole FROM arriving;
-- name: insert_tx
INSERT INTO tx BY NAME
SELECT tx_id, txid, version, locktime, size, vsize, inputs, outputs, out_value, fee, block_index FROM arriving;
-- name: insert_txout
INSERT INTO txout SELECT tx_id, vout, value, kind, address_id, script FROM arriving;
-- name: insert_txin
INSERT INTO txin SELECT tx_id, vin, prev_tx_id, prev_vout, value, kind, address_id, sequence FROM arriving;
-- name: insert_pending_spend
INSERT INTO pending_spend SELECT prev_txid, prev_vout, tx_id, vin FROM arriving;
-- name: insert_address
INSERT INTO address SELECT address_id, kind, payload FROM arriving;
-- name: insert_spend
INSERT INTO spend SELECT prev_tx_id, prev_vout, tx_id, vin FROM arriving;
-- name: insert_address_tx
INSERT INTO address_tx SELECT address_id, tx_id FROM arriving;
-- name: insert_txid_lookup
INSERT INTO txid_lookup SELECT prefix, tx_id FROM arriving;
-- name: insert_address_lookup
INSERT INTO address_lookup SELECT prefix, address_id FROM arriving;

-- name: blocks_below
SELECT count(*) FROM block WHERE height < $height AND whole;

-- Blocks that arrive below others: settle what waited for them. --------------------------------------

-- name: last_pending
SELECT max(tx_id) FROM pending_spend;

-- name: settle_pending
CREATE OR REPLACE TEMP TABLE settled AS
WITH hit AS (
    SELECT pending_spend.tx_id, pending_spend.vin, pending_spend.prev_vout, max(tx.tx_id) AS prev_tx_id
    FROM pending_spend
    JOIN tx ON tx.txid = pending_spend.prev_txid
        AND tx.tx_id BETWEEN $first AND $last AND tx.tx_id < pending_spend.tx_id
    GROUP BY ALL
)
SELECT hit.tx_id, hit.vin, hit.prev_tx_id, hit.prev_vout, txout.value, txout.kind, txout.address_id
FROM hit
LEFT JOIN txout ON txout.tx_id = hit.prev_tx_id AND txout.vout = hit.prev_vout AND txout.kind <> 11
ORDER BY ALL;
-- name: settled_nowhere
SELECT settled.tx_id, tx.txid FROM settled JOIN tx USING (tx_id) WHERE settled.value IS NULL ORDER BY settled.tx_id LIMIT 1;
-- name: settled_twice
SELECT twice.tx_id, tx.txid FROM (
    SELECT max(tx_id) AS tx_id FROM settled GROUP BY prev_tx_id, prev_vout HAVING count(*) > 1
    UNION ALL
    SELECT greatest(settled.tx_id, spend.tx_id) FROM settled JOIN spend USING (prev_tx_id, prev_vout)
) AS twice JOIN tx USING (tx_id) ORDER BY twice.tx_id LIMIT 1;
-- name: settled_otherwise
SELECT settled.tx_id, tx.txid FROM settled JOIN txin USING (tx_id, vin) JOIN tx ON tx.tx_id = settled.tx_id
WHERE txin.value <> settled.value OR (txin.value IS NOT NULL AND txin.address_id IS DISTINCT FROM settled.address_id
    AND settled.address_id IS NOT NULL)
ORDER BY settled.tx_id LIMIT 1;
-- name: settle_txin
UPDATE txin SET prev_tx_id = settled.prev_tx_id, value = settled.value, kind = settled.kind, address_id = settled.address_id
FROM settled WHERE txin.tx_id = settled.tx_id AND txin.vin = settled.vin;
-- name: settle_spend
INSERT INTO spend SELECT prev_tx_id, prev_vout, tx_id, vin FROM settled ORDER BY prev_tx_id, prev_vout;
-- name: settle_address_tx
INSERT INTO address_tx
SELECT DISTINCT settled.address_id, settled.tx_id FROM settled
ANTI JOIN address_tx USING (address_id, tx_id)
WHERE settled.address_id IS NOT NULL ORDER BY ALL;
-- name: settle_clear
DELETE FROM pending_spend USING settled
WHERE pending_spend.tx_id = settled.tx_id AND pending_spend.vin = settled.vin;
-- name: settle_fee
-- -1 marks a sum that no valid chain can have; `settled_out_of_nothing` refuses it
UPDATE tx SET fee = whole.fee FROM (
    SELECT tx.tx_id, sum(txin.value) - any_value(tx.out_value) AS difference,
        CAST(CASE WHEN difference BETWEEN 0 AND 9000000000000000000 THEN difference ELSE -1 END AS BIGINT) AS fee
    FROM tx JOIN txin USING (tx_id)
    WHERE tx.tx_id IN (SELECT tx_id FROM settled)
    GROUP BY tx.tx_id HAVING count(txin.value) = count(*)
) AS whole WHERE tx.tx_id = whole.tx_id;
-- name: settled_out_of_nothing
SELECT tx_id, txid FROM tx WHERE fee < 0 ORDER BY tx_id LIMIT 1;
-- name: settled_coinbase
SELECT block.height, any_value(coinbase.txid) AS txid, any_value(coinbase.out_value) AS claimed,
    CAST(sum(tx.fee) AS BIGINT) AS fees
FROM block
JOIN tx AS coinbase ON coinbase.tx_id = (CAST(block.height AS BIGINT) << 24)
JOIN tx ON tx.tx_id > coinbase.tx_id AND tx.tx_id < coinbase.tx_id + 16777216
WHERE block.height IN (SELECT DISTINCT tx_id >> 24 FROM settled) AND block.whole
GROUP BY block.height HAVING count(tx.fee) = count(*) ORDER BY block.height;
-- name: still_pending
SELECT pending_spend.tx_id, tx.txid FROM pending_spend JOIN tx USING (tx_id)
WHERE (SELECT count(*) FROM block WHERE height < (pending_spend.tx_id >> 24) AND whole) = (pending_spend.tx_id >> 24)
ORDER BY pending_spend.tx_id LIMIT 1;

-- A lost branch goes. ---------------------------------------------------------------------------------

-- name: rollback
DELETE FROM block WHERE height > $height;
DELETE FROM tx WHERE tx_id >= $first;
DELETE FROM txout WHERE tx_id >= $first;
DELETE FROM txin WHERE tx_id >= $first;
DELETE FROM pending_spend WHERE tx_id >= $first;
DELETE FROM spend WHERE tx_id >= $first;
DELETE FROM address_tx WHERE tx_id >= $first;
DELETE FROM txid_lookup WHERE tx_id >= $first;
DELETE FROM mix WHERE tx_id >= $first;
DELETE FROM told_tip WHERE height > $height;
DELETE FROM told_unspent WHERE height > $height;
DELETE FROM address WHERE address_id NOT IN (SELECT address_id FROM address_tx);
DELETE FROM address_lookup WHERE address_id NOT IN (SELECT address_id FROM address);
DELETE FROM told_address WHERE height > $height OR address_id NOT IN (SELECT address_id FROM address);
