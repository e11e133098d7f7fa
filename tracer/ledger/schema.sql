-- Facts of one UTXO chain. Hashes and txids are 32 bytes in the order of the wire (shown reversed).
-- Position ids and address ids never leave the ledger. Absent is NULL, never 0.

-- name: facts_1
CREATE TABLE meta (key VARCHAR PRIMARY KEY, value VARCHAR NOT NULL);

CREATE TABLE block (
    height      INTEGER NOT NULL,
    hash        BLOB    NOT NULL,
    prev_hash   BLOB    NOT NULL,
    merkle_root BLOB    NOT NULL,
    time        BIGINT  NOT NULL,      -- unix seconds, as the header says
    version     INTEGER NOT NULL,
    bits        BIGINT  NOT NULL,
    nonce       BIGINT  NOT NULL,      -- the first 4 bytes of it where it has more (Zcash)
    tx_count    INTEGER NOT NULL,
    size        INTEGER NOT NULL       -- bytes, witness included
);

CREATE TABLE tx (                      -- sorted by tx_id
    tx_id     BIGINT  NOT NULL,        -- height << 24 | place in the order of execution
    txid      BLOB    NOT NULL,
    version   INTEGER NOT NULL,
    locktime  BIGINT  NOT NULL,
    size      INTEGER NOT NULL,
    vsize     INTEGER NOT NULL,
    inputs    INTEGER NOT NULL,        -- rows of txin; 0 for a coinbase
    outputs   INTEGER NOT NULL,        -- rows of txout; 0 where all of it is shielded
    out_value BIGINT  NOT NULL,
    fee       BIGINT                   -- NULL for a coinbase, and while an input is unresolved
);

CREATE TABLE txout (                   -- sorted by (tx_id, vout)
    tx_id      BIGINT   NOT NULL,
    vout       INTEGER  NOT NULL,
    value      BIGINT   NOT NULL,
    kind       UTINYINT NOT NULL,      -- tracer.chain.ScriptKind
    address_id INTEGER,                -- NULL where nobody's address: OP_RETURN, anchor, nonstandard, shielded pool
    script     BLOB                    -- kept where kind and address do not tell it
);

CREATE TABLE txin (                    -- sorted by (tx_id, vin); coinbase inputs are not spends and not here
    tx_id      BIGINT  NOT NULL,
    vin        INTEGER NOT NULL,
    prev_tx_id BIGINT,                 -- NULL while the spent transaction was not read (see pending_spend), and from a pool
    prev_vout  INTEGER NOT NULL,       -- from a shielded pool (kind 11), which nothing is pending of: -2 - its number
    value      BIGINT,                 -- NULL while unknown
    kind       UTINYINT,               -- script kind of the spent output
    address_id INTEGER,
    sequence   BIGINT  NOT NULL
);

CREATE TABLE pending_spend (           -- inputs whose previous transaction was not read
    prev_txid BLOB    NOT NULL,
    prev_vout INTEGER NOT NULL,
    tx_id     BIGINT  NOT NULL,
    vin       INTEGER NOT NULL
);

CREATE TABLE address (                 -- sorted by address_id, which is the order of first appearance
    address_id INTEGER  NOT NULL,
    kind       UTINYINT NOT NULL,
    payload    BLOB     NOT NULL
);

-- Look-up tables: sorted by their key, pruned by min/max, no index.
CREATE TABLE spend (prev_tx_id BIGINT NOT NULL, prev_vout INTEGER NOT NULL, tx_id BIGINT NOT NULL, vin INTEGER NOT NULL);
CREATE TABLE address_tx (address_id INTEGER NOT NULL, tx_id BIGINT NOT NULL);
CREATE TABLE txid_lookup (prefix BIGINT NOT NULL, tx_id BIGINT NOT NULL);
CREATE TABLE address_lookup (prefix BIGINT NOT NULL, address_id INTEGER NOT NULL);

CREATE TABLE quarantine (              -- what could not be understood, kept raw
    source VARCHAR NOT NULL, place VARCHAR NOT NULL, reason VARCHAR NOT NULL, raw BLOB NOT NULL
);

-- Links, derived: may be dropped and rebuilt to the same rows.
CREATE TABLE mix (                     -- transactions whose shape is a mixer's; sorted by tx_id
    tx_id BIGINT NOT NULL, kind VARCHAR NOT NULL, participants INTEGER NOT NULL, denomination BIGINT, confidence INTEGER NOT NULL
);
CREATE TABLE cluster (                 -- conservative tier; address ids without a row are their own cluster; sorted by address_id
    address_id INTEGER NOT NULL, cluster_id INTEGER NOT NULL     -- cluster_id = address_id of the earliest-seen member
);
CREATE TABLE cluster_member (          -- the same rows, sorted by (cluster_id, address_id)
    cluster_id INTEGER NOT NULL, address_id INTEGER NOT NULL
);

-- name: links_2
-- Links explained, refused and overlaid. All derived: clusters of former versions are built again.
DROP TABLE mix;
DELETE FROM meta WHERE key = 'clustering';
DELETE FROM cluster;
DELETE FROM cluster_member;
CREATE TABLE mix (                     -- transactions whose shape a detector knows; sorted by tx_id
    tx_id BIGINT NOT NULL, kind VARCHAR NOT NULL,    -- tracer.clustering.rules.SHAPES
    participants INTEGER NOT NULL,     -- a lower bound
    denominations BIGINT[] NOT NULL,   -- base units, ascending; empty where there is none
    confidence INTEGER NOT NULL,       -- percent
    apart BOOLEAN NOT NULL,            -- kept out of co-spend
    stops BOOLEAN NOT NULL             -- a trace ends there: whose coins come out nobody can tell
);
CREATE TABLE key_link (                -- two addresses of one key, from the transaction on that shows the later one first
    tx_id BIGINT NOT NULL, a INTEGER NOT NULL, b INTEGER NOT NULL
);
CREATE TABLE key_form (                -- where the nested SegWit address of a key would be found; sorted by prefix
    prefix BIGINT NOT NULL, address_id INTEGER NOT NULL
);
CREATE TABLE cluster_merge (           -- where two clusters of two addresses or more became one; sorted by tx_id
    tx_id BIGINT NOT NULL, heuristic VARCHAR NOT NULL,
    kept INTEGER NOT NULL, merged INTEGER NOT NULL,            -- earliest-seen members, as each was named before
    kept_size INTEGER NOT NULL, merged_size INTEGER NOT NULL,  -- before
    alarm BOOLEAN NOT NULL             -- both large, or the largest of all grew by a leap
);
CREATE TABLE refused_link (            -- evidence for a link that a constraint forbids; sorted by (tier, tx_id, a, b)
    tier VARCHAR NOT NULL, tx_id BIGINT NOT NULL, heuristic VARCHAR NOT NULL,
    a INTEGER NOT NULL, b INTEGER NOT NULL, reason VARCHAR NOT NULL   -- tracer.clustering.unionfind.REASONS
);
CREATE TABLE overlay_link (            -- accepted links of the extended tier, in the order they were taken
    tx_id BIGINT NOT NULL, a INTEGER NOT NULL, b INTEGER NOT NULL,    -- b's cluster was joined to a's
    heuristic VARCHAR NOT NULL, agreed VARCHAR NOT NULL, confidence INTEGER NOT NULL   -- ids of all that agreed
);
CREATE TABLE overlay (                 -- conservative cluster -> extended cluster, where they differ; sorted by cluster_id
    cluster_id INTEGER NOT NULL, overlay_id INTEGER NOT NULL          -- overlay_id = address_id of the earliest-seen member
);
CREATE TABLE overlay_member (          -- the same rows with overlay_id itself, sorted by (overlay_id, cluster_id)
    overlay_id INTEGER NOT NULL, cluster_id INTEGER NOT NULL
);

-- name: order_3
-- The place of a transaction in its block, where tx_id counts the order of execution and that is another one
-- (bitcoin-cash); NULL where it is the low 24 bits of tx_id.
ALTER TABLE tx ADD COLUMN block_index INTEGER;

-- name: partial_4
-- What an explorer told (ADR-0010, "On demand"): single transactions of blocks that were not read whole, and what is known
-- of outputs and addresses beside them. All of it is as of a block, and goes with that block.
ALTER TABLE block ADD COLUMN whole BOOLEAN DEFAULT true;   -- false: `tx_count` counts the transactions that are here
ALTER TABLE block ALTER COLUMN size DROP NOT NULL;         -- NULL where not whole
CREATE TABLE told_tip (                -- blocks that an explorer called the last of its chain, each of them in `block`
    height INTEGER NOT NULL, hash BLOB NOT NULL, host VARCHAR NOT NULL
);
CREATE TABLE told_unspent (            -- outputs that nothing spends up to `height`, in the chain whose tip that was
    tx_id BIGINT NOT NULL, vout INTEGER NOT NULL, height INTEGER NOT NULL, host VARCHAR NOT NULL
);
CREATE TABLE told_address (            -- as of `height`; sorted as asked
    address_id INTEGER NOT NULL,
    txs        BIGINT  NOT NULL,       -- transactions that pay it or spend from it
    whole      BOOLEAN NOT NULL,       -- all of them are here
    height INTEGER NOT NULL, host VARCHAR NOT NULL
);

-- name: unlinked_5
-- Other tools' exports do not tell what a block builds on: NULL where it is neither told nor the block below is here.
ALTER TABLE block ALTER COLUMN prev_hash DROP NOT NULL;

-- name: former_6
-- Clusters as they were, for readers that let go of the file and come back (tracer.ledger.pin). Empty where there are none.
CREATE TABLE link_former (             -- steps from one state of the clusters to the next, ascending
    step INTEGER NOT NULL,
    height INTEGER NOT NULL, record VARCHAR NOT NULL   -- where they ended before, and what `meta` said of them
);
CREATE TABLE cluster_former (          -- rows of `cluster` that the step changed, as they were
    step INTEGER NOT NULL, address_id INTEGER NOT NULL,
    cluster_id INTEGER                 -- NULL where the address had no row
);
