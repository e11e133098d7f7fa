-- Addresses of one key: candidates by prefix; all bytes decide outside.

-- name: forget_forms
DELETE FROM key_form;
-- name: forget_links
DELETE FROM key_link;

-- name: greatest
SELECT max(address_id) FROM address;
-- name: incoming
CREATE OR REPLACE TEMP TABLE key_incoming (prefix BIGINT, address_id INTEGER, is_key BOOLEAN);
-- name: addresses
SELECT address_id, kind = $p2sh AS nested, payload FROM address
WHERE address_id BETWEEN $first AND $last AND kind IN ($p2pkh, $p2wpkh, $p2sh) AND octet_length(payload) = 20;
-- name: arrive
INSERT INTO key_incoming SELECT prefix, address_id, NOT nested FROM arriving;
-- name: candidates
-- Addresses that may share a key with an incoming one: incoming ones with each other, with keys known before, and
-- with nested addresses known before.
WITH met AS (
    SELECT prefix, address_id FROM key_incoming
    UNION ALL
    SELECT prefix, key_form.address_id FROM key_form
    WHERE prefix IN (SELECT prefix FROM key_incoming)
    UNION ALL
    SELECT prefix, address_lookup.address_id FROM address_lookup
    WHERE address_lookup.address_id < $first AND prefix IN (SELECT prefix FROM key_incoming WHERE is_key)
),
candidate AS MATERIALIZED (
    SELECT met.address_id FROM met JOIN (SELECT prefix FROM met GROUP BY prefix HAVING count(*) > 1) USING (prefix)
),
shown AS (
    SELECT address_id, min(tx_id) AS tx_id FROM address_tx SEMI JOIN candidate USING (address_id) GROUP BY address_id
)
SELECT address_id, kind = $p2sh AS nested, payload, shown.tx_id FROM address JOIN shown USING (address_id)
WHERE kind IN ($p2pkh, $p2wpkh, $p2sh) AND octet_length(payload) = 20 ORDER BY address_id;
-- name: keep_forms
INSERT INTO key_form SELECT prefix, address_id FROM key_incoming WHERE is_key ORDER BY prefix, address_id;
-- name: keep_links
INSERT INTO key_link SELECT tx_id, a, b FROM arriving ORDER BY tx_id, a, b;
-- name: done
DROP TABLE key_incoming;

-- name: behind
SELECT kind, payload FROM key_form JOIN address USING (address_id)
WHERE prefix = $prefix ORDER BY address.kind, address.payload;
