-- name: assets
-- What is known of `wanted(asset_id)`: its contract, what that says of itself, and why it is not believed.
SELECT a.asset_id, a.standard, a.contract, a.token_id, t.symbol, t.decimals, coalesce(t.problem, '') AS problem
FROM asset AS a LEFT JOIN token AS t ON t.contract = a.contract
WHERE a.asset_id IN (SELECT asset_id FROM wanted)
ORDER BY a.asset_id;

-- name: disbelieved
-- Assets of contracts that are not believed, or that borrow the name of the chain's coin ($native, lower case).
SELECT a.asset_id FROM asset AS a JOIN token AS t ON t.contract = a.contract
WHERE t.problem <> '' OR lower(trim(t.symbol)) = $native
ORDER BY a.asset_id;

-- name: of_contract
SELECT a.asset_id FROM asset AS a WHERE a.contract = $contract ORDER BY a.asset_id;

-- name: of_symbol
-- Assets whose contract calls itself so and is believed.
SELECT a.asset_id, a.contract FROM asset AS a JOIN token AS t ON t.contract = a.contract
WHERE lower(trim(t.symbol)) = $symbol AND t.problem = '' ORDER BY a.asset_id;
