-- What an audit of balances reads of a ledger.

-- name: sample
-- accounts drawn by lot: the same of every store with the same accounts, whatever their ids
SELECT address_id, payload FROM address ORDER BY md5($seed || hex(payload)), payload LIMIT $count;
-- name: runs
SELECT min(height), max(height) FROM (
    SELECT height, height - row_number() OVER (ORDER BY height) AS island FROM block
) GROUP BY island ORDER BY 1;
-- name: hashes
-- `asked` holds height
SELECT height, hash FROM block WHERE height IN (SELECT height FROM asked) ORDER BY height;
-- name: assets
-- `asked` holds asset_id
SELECT asset_id, standard, payload, token_id FROM asset LEFT JOIN address ON address_id = contract
WHERE asset_id IN (SELECT asset_id FROM asked) ORDER BY asset_id;
-- name: told
-- `asked` holds address_id
SELECT address_id, asset_id, height FROM opening WHERE address_id IN (SELECT address_id FROM asked)
ORDER BY address_id, asset_id, height;
-- name: disbelieved
SELECT payload, problem FROM token JOIN address ON address_id = contract WHERE problem <> '' ORDER BY payload;
-- name: traced
SELECT traced FROM block WHERE height = $height;
-- name: unknown_fees
SELECT count(*) FROM tx JOIN address ON address_id = sender
WHERE tx_id >= $first AND tx_id < $stop AND fee IS NULL AND payload = $address;
-- name: logged
-- transfers of a contract's tokens in a block that name an account
SELECT count(*) FROM transfer AS t
JOIN asset USING (asset_id) JOIN address AS c ON c.address_id = asset.contract
LEFT JOIN address AS s ON s.address_id = t.source LEFT JOIN address AS r ON r.address_id = t.target
WHERE t.tx_id >= $first AND t.tx_id < $stop AND c.payload = $contract AND $address IN (s.payload, r.payload);
