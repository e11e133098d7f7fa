-- What was read whole. Blocks of which single transactions are known (`NOT whole`) are few, and counted apart.

-- name: unresolved
SELECT count(*) FROM pending_spend WHERE (tx_id >> 24) NOT IN (SELECT height FROM block WHERE NOT whole);
-- name: quarantined
SELECT count(*) FROM quarantine;
-- name: counts
WITH sparse AS MATERIALIZED (SELECT height FROM block WHERE NOT whole)
SELECT (SELECT count(*) FROM block WHERE whole),
    (SELECT count(*) FROM tx WHERE (tx_id >> 24) NOT IN (FROM sparse)),
    (SELECT count(*) FROM txout WHERE (tx_id >> 24) NOT IN (FROM sparse)),
    (SELECT count(*) FROM txin WHERE (tx_id >> 24) NOT IN (FROM sparse)),
    (SELECT count(*) FROM address);
-- name: unspent
-- in base units, whatever was created and not spent in the blocks read; what is in shielded pools (kind 11) is not spent
WITH sparse AS MATERIALIZED (SELECT height FROM block WHERE NOT whole)
SELECT CAST((SELECT coalesce(sum(value), 0) FROM txout WHERE (tx_id >> 24) NOT IN (FROM sparse))
    - (SELECT coalesce(sum(value), 0) FROM txin WHERE kind = 11) - coalesce(sum(txout.value), 0) AS DECIMAL(38, 0))
FROM txout JOIN spend ON spend.prev_tx_id = txout.tx_id AND spend.prev_vout = txout.vout
WHERE (txout.tx_id >> 24) NOT IN (FROM sparse) AND (spend.tx_id >> 24) NOT IN (FROM sparse);
-- name: fees
SELECT CAST(coalesce(sum(fee), 0) AS DECIMAL(38, 0)) FROM tx
WHERE (tx_id >> 24) NOT IN (SELECT height FROM block WHERE NOT whole);
-- name: partial
-- blocks of which single transactions are known, these, and addresses whose history is known whole
SELECT (SELECT count(*) FROM block WHERE NOT whole), (SELECT coalesce(sum(tx_count), 0)::BIGINT FROM block WHERE NOT whole),
    (SELECT count(DISTINCT address_id) FROM told_address WHERE whole);
-- name: told_tips
SELECT height, host FROM told_tip ORDER BY height DESC, host;
