-- Unconfirmed transactions: those of the state database (SQLite, `:name`), and what the facts (DuckDB, `$name`) know of them.

-- name: waiting
SELECT txid, raw, host, seen, seen_height FROM unconfirmed
WHERE chain = :chain AND gone IS NULL ORDER BY seen, txid;

-- name: waiting_txids
SELECT txid FROM unconfirmed WHERE chain = :chain AND gone IS NULL;

-- name: left
SELECT txid, raw, host, seen, seen_height, gone, gone_height, fate, height, block_hash, by_txid FROM unconfirmed
WHERE chain = :chain AND gone IS NOT NULL AND gone_height >= :since ORDER BY gone, txid;

-- name: look
SELECT time, height, host FROM unconfirmed_look WHERE chain = :chain;

-- name: count
SELECT count(*) FROM unconfirmed WHERE chain = :chain AND gone IS NULL;

-- name: note_look
INSERT INTO unconfirmed_look (chain, time, height, host) VALUES (:chain, :time, :height, :host)
ON CONFLICT (chain) DO UPDATE SET time = excluded.time, height = excluded.height, host = excluded.host;

-- name: arrive
-- one that was gone waits again
INSERT INTO unconfirmed (chain, txid, raw, host, seen, seen_height) VALUES (:chain, :txid, :raw, :host, :time, :height)
ON CONFLICT (chain, txid) DO UPDATE SET raw = excluded.raw, gone = NULL, gone_height = NULL, fate = NULL, height = NULL,
    block_hash = NULL, by_txid = NULL;

-- name: arrive_spend
INSERT OR IGNORE INTO unconfirmed_spend (chain, prev_txid, prev_vout, txid) VALUES (:chain, :prev_txid, :prev_vout, :txid);

-- name: leave
UPDATE unconfirmed SET gone = :time, gone_height = :height WHERE chain = :chain AND txid = :txid AND gone IS NULL;

-- name: blocks_believed
SELECT DISTINCT height, block_hash FROM unconfirmed WHERE chain = :chain AND fate = 'confirmed' ORDER BY height;

-- name: doubt
-- its block left the best chain
UPDATE unconfirmed SET fate = NULL, height = NULL, block_hash = NULL
WHERE chain = :chain AND fate = 'confirmed' AND height = :height AND block_hash = :block_hash;

-- name: unsettled
SELECT txid FROM unconfirmed WHERE chain = :chain AND gone IS NOT NULL AND fate IS NOT 'confirmed' ORDER BY txid;

-- name: unsettled_spends
SELECT prev_txid, prev_vout, txid FROM unconfirmed_spend JOIN unconfirmed USING (chain, txid)
WHERE chain = :chain AND gone IS NOT NULL AND fate IS NULL ORDER BY txid, prev_txid, prev_vout;

-- name: confirm
UPDATE unconfirmed SET fate = 'confirmed', height = :height, block_hash = :block_hash, by_txid = NULL, raw = NULL
WHERE chain = :chain AND txid = :txid AND gone IS NOT NULL;

-- name: replace
UPDATE unconfirmed SET fate = 'replaced', by_txid = :by_txid WHERE chain = :chain AND txid = :txid AND fate IS NULL;

-- name: replace_by_waiting
-- another one that waits, or was confirmed, spends the same output
UPDATE unconfirmed SET fate = 'replaced', by_txid = (
    SELECT min(other.txid) FROM unconfirmed_spend AS mine
    JOIN unconfirmed_spend AS other USING (chain, prev_txid, prev_vout)
    JOIN unconfirmed AS rival ON rival.chain = other.chain AND rival.txid = other.txid
    WHERE mine.chain = unconfirmed.chain AND mine.txid = unconfirmed.txid AND other.txid <> mine.txid
        AND (rival.gone IS NULL OR rival.fate = 'confirmed')
)
WHERE chain = :chain AND gone IS NOT NULL AND fate IS NULL AND EXISTS (
    SELECT 1 FROM unconfirmed_spend AS mine
    JOIN unconfirmed_spend AS other USING (chain, prev_txid, prev_vout)
    JOIN unconfirmed AS rival ON rival.chain = other.chain AND rival.txid = other.txid
    WHERE mine.chain = unconfirmed.chain AND mine.txid = unconfirmed.txid AND other.txid <> mine.txid
        AND (rival.gone IS NULL OR rival.fate = 'confirmed')
);

-- name: replace_children
-- what builds on a replaced one goes with it
WITH RECURSIVE lost (txid, by_txid) AS (
    SELECT txid, by_txid FROM unconfirmed WHERE chain = :chain AND fate = 'replaced'
    UNION
    SELECT child.txid, lost.by_txid FROM lost
    JOIN unconfirmed_spend AS child ON child.chain = :chain AND child.prev_txid = lost.txid
)
UPDATE unconfirmed SET fate = 'replaced',
    by_txid = (SELECT min(lost.by_txid) FROM lost WHERE lost.txid = unconfirmed.txid)
WHERE chain = :chain AND gone IS NOT NULL AND fate IS NULL AND txid IN (SELECT txid FROM lost);

-- name: vanish
-- every block that could have had it was read
UPDATE unconfirmed SET fate = 'vanished'
WHERE chain = :chain AND gone IS NOT NULL AND fate IS NULL AND gone_height <= :read_to;

-- name: forget
DELETE FROM unconfirmed WHERE chain = :chain AND gone_height < CASE fate WHEN 'confirmed' THEN :confirmed ELSE :others END;

-- name: forget_spends
DELETE FROM unconfirmed_spend
WHERE chain = :chain AND NOT EXISTS (
    SELECT 1 FROM unconfirmed WHERE unconfirmed.chain = unconfirmed_spend.chain AND unconfirmed.txid = unconfirmed_spend.txid
);

-- name: block_is
SELECT count(*) FROM block WHERE height = $height AND hash = $hash;

-- name: confirmed
-- `asked` holds (txid blob, prefix int64)
WITH candidate AS MATERIALIZED (
    SELECT asked.txid, txid_lookup.tx_id FROM asked JOIN txid_lookup USING (prefix)
), found AS MATERIALIZED (
    SELECT tx_id, txid FROM tx WHERE tx_id IN (SELECT tx_id FROM candidate)
)
SELECT found.txid, block.height, block.hash FROM candidate
JOIN found ON found.tx_id = candidate.tx_id AND found.txid = candidate.txid
JOIN block ON block.height = found.tx_id >> 24
ORDER BY found.txid, block.height;

-- name: double_spent
-- `asked` holds (prev_txid blob, prefix int64, prev_vout int32, txid blob): who wanted to spend that
WITH candidate AS MATERIALIZED (
    SELECT asked.*, txid_lookup.tx_id AS prev_tx_id FROM asked JOIN txid_lookup USING (prefix)
), parent AS MATERIALIZED (
    SELECT tx_id, txid FROM tx WHERE tx_id IN (SELECT prev_tx_id FROM candidate)
), taken AS MATERIALIZED (
    SELECT candidate.txid, spend.tx_id FROM candidate
    JOIN parent ON parent.tx_id = candidate.prev_tx_id AND parent.txid = candidate.prev_txid
    JOIN spend ON spend.prev_tx_id = candidate.prev_tx_id AND spend.prev_vout = candidate.prev_vout
    UNION ALL
    SELECT asked.txid, pending_spend.tx_id FROM asked
    JOIN pending_spend ON pending_spend.prev_txid = asked.prev_txid AND pending_spend.prev_vout = asked.prev_vout
)
SELECT taken.txid, arg_min(tx.txid, tx.tx_id) FROM taken JOIN tx ON tx.tx_id = taken.tx_id
GROUP BY taken.txid ORDER BY taken.txid;
