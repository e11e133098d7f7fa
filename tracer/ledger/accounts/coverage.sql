-- What was read of an account chain. Under the names of tracer/ledger/coverage.sql what is asked of every family.

-- name: unresolved
-- a transfer names its ends itself: nothing waits for other blocks
SELECT 0;
-- name: untraced
-- ranges of blocks whose internal transfers no node told
SELECT min(height), max(height) FROM (
    SELECT height, height - row_number() OVER (ORDER BY height) AS island FROM block WHERE NOT traced
) GROUP BY island ORDER BY 1;
-- name: counts
SELECT (SELECT count(*) FROM block), (SELECT count(*) FROM tx), 0, 0, (SELECT count(*) FROM address);
-- name: more_counts
SELECT (SELECT count(*) FROM transfer), (SELECT count(*) FROM asset), (SELECT count(*) FROM token),
    (SELECT count(*) FROM token WHERE problem <> ''), (SELECT count(*) FROM opening),
    (SELECT count(*) FROM transfer WHERE amount IS NULL), (SELECT count(*) FROM tx WHERE fee IS NULL);
-- name: fees
SELECT units_text(sum(h)::HUGEINT, sum(l)::HUGEINT) FROM (
    SELECT 0::HUGEINT AS h, 0::HUGEINT AS l
    UNION ALL SELECT fee::HUGEINT // half(), fee::HUGEINT % half() FROM tx WHERE fee IS NOT NULL
);
