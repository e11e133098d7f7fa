-- Facts of one account chain. Hashes are 32 bytes as shown after 0x, addresses their 20 bytes.
-- Position ids, address ids and asset ids never leave the ledger. Absent is NULL, never 0.

-- name: accounts_1
CREATE TABLE meta (key VARCHAR PRIMARY KEY, value VARCHAR NOT NULL);

CREATE TABLE block (
    height    INTEGER NOT NULL,
    hash      BLOB    NOT NULL,
    prev_hash BLOB    NOT NULL,
    time      BIGINT  NOT NULL,        -- unix seconds
    tx_count  INTEGER NOT NULL,
    producer  INTEGER,                 -- address id; NULL where the chain or source names none
    base_fee  DECIMAL(38, 0),          -- per unit of gas (EIP-1559)
    traced    BOOLEAN NOT NULL         -- internal transfers were read; where not, coverage says so
);

CREATE TABLE tx (                      -- sorted by tx_id
    tx_id     BIGINT   NOT NULL,       -- height << 24 | index in block
    txid      BLOB     NOT NULL,
    sender    INTEGER  NOT NULL,       -- address id of who signed it
    recipient INTEGER,                 -- NULL where it creates a contract
    created   INTEGER,                 -- the contract it creates
    status    UTINYINT,                -- 1 done, 0 failed (it moved nothing and paid its fee), NULL unknown
    kind      UTINYINT NOT NULL,       -- EIP-2718 type; Tron's contract type
    nonce     BIGINT,
    selector  BLOB,                    -- first four bytes of the call data; NULL where there are fewer
    gas_used  BIGINT,
    gas_price DECIMAL(38, 0),          -- as paid per unit of gas
    fee       DECIMAL(38, 0)           -- all it paid: gas, blobs, data of a layer 2; NULL where unknown
);

CREATE TABLE transfer (                -- sorted by (tx_id, position)
    tx_id     BIGINT   NOT NULL,
    position  INTEGER  NOT NULL,       -- order of execution inside the transaction; fees come last
    kind      UTINYINT NOT NULL,       -- tracer.chain.TransferKind
    asset_id  INTEGER  NOT NULL,
    source    INTEGER,                 -- address id; NULL where it came out of nothing
    target    INTEGER,                 -- address id; NULL where it went into nothing
    amount    DECIMAL(38, 0),          -- base units; NULL above 38 digits (raw in quarantine), never rounded
    log_index INTEGER                  -- of the event that told it
);

CREATE TABLE asset (                   -- sorted by asset_id; 0 is the native coin
    asset_id INTEGER  NOT NULL,
    standard UTINYINT NOT NULL,        -- tracer.chain.AssetStandard
    contract INTEGER,                  -- address id
    token_id BLOB                      -- 32 bytes, big-endian; NULL where fungible
);
INSERT INTO asset VALUES (0, 0, NULL, NULL);

CREATE TABLE token (                   -- what contracts say of themselves, read once
    contract INTEGER NOT NULL,         -- address id
    symbol   VARCHAR,
    name     VARCHAR,
    decimals UTINYINT,                 -- NULL where it says none, or nonsense
    height   INTEGER NOT NULL,         -- block as of which it was asked
    problem  VARCHAR NOT NULL,         -- why it is not believed; empty where nothing is wrong
    genuine  BOOLEAN NOT NULL          -- it is the contract everybody knows by that symbol (a pinned list says so)
);

CREATE TABLE relation (                -- sorted by (tx_id, position)
    tx_id    BIGINT   NOT NULL,
    position INTEGER  NOT NULL,
    kind     UTINYINT NOT NULL,        -- tracer.chain.RelationKind
    giver    INTEGER  NOT NULL,
    receiver INTEGER  NOT NULL,
    asset_id INTEGER,                  -- of an approval
    amount   DECIMAL(38, 0)            -- of a delegation; NULL elsewhere and above 38 digits
);

CREATE TABLE event (                   -- sorted by (tx_id, log_index): those that bridges, swaps and mixers need
    tx_id     BIGINT  NOT NULL,
    log_index INTEGER NOT NULL,
    emitter   INTEGER NOT NULL,
    topic     BLOB    NOT NULL,        -- topic 0
    topics    BLOB    NOT NULL,        -- the others, 32 bytes each, one after the other
    data      BLOB    NOT NULL
);

CREATE TABLE opening (                 -- balances a node told: at the end of a block, before movements were read
    address_id INTEGER NOT NULL, asset_id INTEGER NOT NULL, height INTEGER NOT NULL,
    amount     DECIMAL(38, 0)          -- NULL above 38 digits, and where a contract was asked and does not say
);

CREATE TABLE address (                 -- sorted by address_id, which is the order of first appearance
    address_id INTEGER  NOT NULL,
    kind       UTINYINT NOT NULL,
    payload    BLOB     NOT NULL
);

-- Look-up tables: sorted by their key, pruned by min/max, no index. Transfers of nothing (amount 0) are not in them.
CREATE TABLE outflow (                 -- sorted by (source, tx_id, position): the way forward
    source INTEGER NOT NULL, tx_id BIGINT NOT NULL, position INTEGER NOT NULL, kind UTINYINT NOT NULL,
    asset_id INTEGER NOT NULL, target INTEGER, amount DECIMAL(38, 0)
);
CREATE TABLE inflow (                  -- sorted by (target, tx_id, position): the way back
    target INTEGER NOT NULL, tx_id BIGINT NOT NULL, position INTEGER NOT NULL, kind UTINYINT NOT NULL,
    asset_id INTEGER NOT NULL, source INTEGER, amount DECIMAL(38, 0)
);
CREATE TABLE txid_lookup (prefix BIGINT NOT NULL, tx_id BIGINT NOT NULL);
CREATE TABLE address_lookup (prefix BIGINT NOT NULL, address_id INTEGER NOT NULL);

CREATE TABLE quarantine (              -- what could not be understood, kept raw
    source VARCHAR NOT NULL, place VARCHAR NOT NULL, reason VARCHAR NOT NULL, raw BLOB NOT NULL,
    tx_id  BIGINT                      -- where it stands; NULL of a whole block that was refused
);

-- Links, derived: the same tables as of a UTXO chain, so that readers of links need not know the family. No transaction
-- here mixes by its shape, and a key has one account: `mix` and `key_link` stay empty.
CREATE TABLE mix (
    tx_id BIGINT NOT NULL, kind VARCHAR NOT NULL, participants INTEGER NOT NULL, denominations BIGINT[] NOT NULL,
    confidence INTEGER NOT NULL, apart BOOLEAN NOT NULL, stops BOOLEAN NOT NULL
);
CREATE TABLE key_link (tx_id BIGINT NOT NULL, a INTEGER NOT NULL, b INTEGER NOT NULL);
CREATE TABLE cluster (address_id INTEGER NOT NULL, cluster_id INTEGER NOT NULL);
CREATE TABLE cluster_member (cluster_id INTEGER NOT NULL, address_id INTEGER NOT NULL);
CREATE TABLE cluster_merge (
    tx_id BIGINT NOT NULL, heuristic VARCHAR NOT NULL, kept INTEGER NOT NULL, merged INTEGER NOT NULL,
    kept_size INTEGER NOT NULL, merged_size INTEGER NOT NULL, alarm BOOLEAN NOT NULL
);
CREATE TABLE refused_link (
    tier VARCHAR NOT NULL, tx_id BIGINT NOT NULL, heuristic VARCHAR NOT NULL,
    a INTEGER NOT NULL, b INTEGER NOT NULL, reason VARCHAR NOT NULL
);
CREATE TABLE overlay_link (
    tx_id BIGINT NOT NULL, a INTEGER NOT NULL, b INTEGER NOT NULL,
    heuristic VARCHAR NOT NULL, agreed VARCHAR NOT NULL, confidence INTEGER NOT NULL
);
CREATE TABLE overlay (cluster_id INTEGER NOT NULL, overlay_id INTEGER NOT NULL);
CREATE TABLE overlay_member (overlay_id INTEGER NOT NULL, cluster_id INTEGER NOT NULL);

-- name: former_2
-- See `former_6` in tracer/ledger/schema.sql.
CREATE TABLE link_former (step INTEGER NOT NULL, height INTEGER NOT NULL, record VARCHAR NOT NULL);
CREATE TABLE cluster_former (step INTEGER NOT NULL, address_id INTEGER NOT NULL, cluster_id INTEGER);
