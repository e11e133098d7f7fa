-- name: ranges
SELECT min(height), max(height) FROM (
    SELECT height, height - row_number() OVER (ORDER BY height) AS island FROM block
) GROUP BY island ORDER BY 1;
-- name: unresolved
SELECT count(*) FROM pending_spend;
-- name: quarantined
SELECT count(*) FROM quarantine;
-- name: counts
SELECT (SELECT count(*) FROM block), (SELECT count(*) FROM tx), (SELECT count(*) FROM txout),
    (SELECT count(*) FROM txin), (SELECT count(*) FROM address);
-- name: unspent
-- in base units, whatever was created and not spent in the blocks read
SELECT CAST((SELECT coalesce(sum(value), 0) FROM txout) - coalesce(sum(txout.value), 0) AS DECIMAL(38, 0))
FROM txout JOIN spend ON spend.prev_tx_id = txout.tx_id AND spend.prev_vout = txout.vout;
-- name: fees
SELECT CAST(coalesce(sum(fee), 0) AS DECIMAL(38, 0)) FROM tx;
