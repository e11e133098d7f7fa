-- Operational state: what changes row by row and by many hands. One SQLite file (WAL) per workspace.

-- name: create_migration
CREATE TABLE IF NOT EXISTS migration (name TEXT PRIMARY KEY, applied TEXT NOT NULL);

-- name: has_migrations
SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'migration';

-- name: migrations_done
SELECT name FROM migration ORDER BY name;

-- name: record_migration
INSERT INTO migration (name, applied) VALUES (:name, strftime('%Y-%m-%dT%H:%M:%SZ', 'now'));

-- name: state_1
CREATE TABLE custody (                 -- append only; see tracer/evidence/custody.py
    seq       INTEGER PRIMARY KEY,     -- from 1, without a gap
    time      TEXT NOT NULL,           -- UTC, ISO 8601 with microseconds
    user      TEXT NOT NULL,           -- of the operating system
    engine    TEXT NOT NULL,
    verb      TEXT NOT NULL,
    arguments TEXT NOT NULL,           -- JSON list, secrets masked
    case_id   TEXT NOT NULL,           -- "" where none was given
    purpose   TEXT NOT NULL,
    inputs    TEXT NOT NULL,           -- JSON list of hashes, snapshot ids, as_of
    output    TEXT NOT NULL,           -- SHA-256 of what was answered, "" where nothing was
    outcome   TEXT NOT NULL,
    prev      TEXT NOT NULL,           -- hash of the entry before
    hash      TEXT NOT NULL
);
CREATE INDEX custody_case ON custody (case_id, seq);
CREATE TABLE custody_head (            -- the last entry, kept apart so that a cut tail shows
    id   INTEGER PRIMARY KEY CHECK (id = 1),
    seq  INTEGER NOT NULL,
    hash TEXT NOT NULL
);
CREATE TRIGGER custody_no_update BEFORE UPDATE ON custody
BEGIN SELECT RAISE(ABORT, 'the custody log is append-only'); END;
CREATE TRIGGER custody_no_delete BEFORE DELETE ON custody
BEGIN SELECT RAISE(ABORT, 'the custody log is append-only'); END;
CREATE TRIGGER custody_head_no_delete BEFORE DELETE ON custody_head
BEGIN SELECT RAISE(ABORT, 'the custody log is append-only'); END;
CREATE TRIGGER custody_head_forward BEFORE UPDATE ON custody_head
WHEN new.seq <> old.seq + 1
BEGIN SELECT RAISE(ABORT, 'the custody log is append-only'); END;

CREATE TABLE run (                     -- what made a derived result: its recipe, and how it ended
    run_id   INTEGER PRIMARY KEY,
    kind     TEXT NOT NULL,            -- sync, cluster, ...
    recipe   TEXT NOT NULL,            -- JSON: code and rule versions, parameters, tips, snapshot
    started  TEXT NOT NULL,
    finished TEXT,                     -- NULL while it runs, and where it was killed
    outcome  TEXT
);

CREATE TABLE journal (                 -- what a load or a rollback must know to go on after a kill
    chain TEXT NOT NULL,
    key   TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (chain, key)
) WITHOUT ROWID;

-- name: state_2
CREATE TABLE used_claim (              -- claims that an answer leaned on; their digest is among the entry's inputs
    claim TEXT NOT NULL,
    seq   INTEGER NOT NULL REFERENCES custody (seq),
    PRIMARY KEY (claim, seq)
) WITHOUT ROWID;
CREATE TRIGGER used_claim_no_update BEFORE UPDATE ON used_claim
BEGIN SELECT RAISE(ABORT, 'the custody log is append-only'); END;
CREATE TRIGGER used_claim_no_delete BEFORE DELETE ON used_claim
BEGIN SELECT RAISE(ABORT, 'the custody log is append-only'); END;

-- name: state_3
-- What a node told that is in no block (`tracer.ledger.unconfirmed`): no facts, and none of it is among them.
CREATE TABLE unconfirmed (
    chain       TEXT    NOT NULL,
    txid        BLOB    NOT NULL,      -- in the order of the wire
    raw         BLOB,                  -- as the node gave it; NULL once it is in a block that was read
    host        TEXT    NOT NULL,
    seen        TEXT    NOT NULL,      -- UTC, ISO 8601: when we first saw it
    seen_height INTEGER NOT NULL,      -- the node's newest block then
    gone        TEXT,                  -- when it was first missing; NULL while it waits
    gone_height INTEGER,               -- the node's newest block then
    fate        TEXT CHECK (fate IN ('confirmed', 'replaced', 'vanished')),   -- NULL while it waits, or not known yet
    height      INTEGER,               -- of the block that has it
    block_hash  BLOB,
    by_txid     BLOB,                  -- what spends an output that it, or one it builds on, wanted to spend
    PRIMARY KEY (chain, txid)
);
CREATE INDEX unconfirmed_gone ON unconfirmed (chain, gone_height) WHERE gone IS NOT NULL;
CREATE TABLE unconfirmed_spend (       -- the outputs they want to spend
    chain TEXT NOT NULL, prev_txid BLOB NOT NULL, prev_vout INTEGER NOT NULL, txid BLOB NOT NULL,
    PRIMARY KEY (chain, prev_txid, prev_vout, txid)
) WITHOUT ROWID;
CREATE INDEX unconfirmed_spend_by ON unconfirmed_spend (chain, txid);
CREATE TABLE unconfirmed_look (        -- when a node was last asked
    chain TEXT PRIMARY KEY, time TEXT NOT NULL, height INTEGER NOT NULL, host TEXT NOT NULL
) WITHOUT ROWID;

-- name: run_start
INSERT INTO run (kind, recipe, started) VALUES (:kind, :recipe, strftime('%Y-%m-%dT%H:%M:%SZ', 'now'));

-- name: run_finish
UPDATE run SET finished = strftime('%Y-%m-%dT%H:%M:%SZ', 'now'), outcome = :outcome WHERE run_id = :run_id;

-- name: runs
SELECT run_id, kind, recipe, started, finished, outcome FROM run WHERE kind = :kind ORDER BY run_id;

-- name: journal_put
INSERT INTO journal (chain, key, value) VALUES (:chain, :key, :value)
ON CONFLICT (chain, key) DO UPDATE SET value = excluded.value;

-- name: journal_get
SELECT value FROM journal WHERE chain = :chain AND key = :key;

-- name: journal_clear
DELETE FROM journal WHERE chain = :chain AND (:key IS NULL OR key = :key);
