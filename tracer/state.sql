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

-- name: state_4
-- Screenings that are kept, and what people decided on them (`tracer.screening.kept`).
CREATE TABLE screening_shared (        -- what many documents have in common, once; no subject is in it
    shared_id INTEGER PRIMARY KEY,
    digest    BLOB NOT NULL UNIQUE,    -- SHA-256 of the JSON text
    body      BLOB NOT NULL            -- the JSON text, packed
);
CREATE TABLE screening_policy (        -- policies that kept screenings were judged by: past questions can be asked again
    sha256 TEXT PRIMARY KEY,
    body   BLOB NOT NULL               -- its canonical text, packed
) WITHOUT ROWID;
CREATE TABLE screening (
    seq      INTEGER PRIMARY KEY,      -- the order in which they were kept
    id       BLOB    NOT NULL UNIQUE,  -- screening_id, 32 bytes
    kept     INTEGER NOT NULL,         -- unix seconds: when it was kept; retention counts from here
    subject  BLOB    NOT NULL,         -- 16 bytes of SHA-256: what was asked about
    question INTEGER NOT NULL,         -- 64 bits of SHA-256: what was asked of it (kind, direction, asset)
    verdict  TEXT    NOT NULL CHECK (verdict IN ('clear', 'review', 'block', 'unknown')),
    status   TEXT    NOT NULL CHECK (status IN
             ('none', 'unanswered', 'open', 'pending_second', 'accepted', 'rejected', 'escalated', 'excepted')),
    case_id  TEXT    NOT NULL,         -- "" where none was given
    as_of    INTEGER NOT NULL REFERENCES screening_shared (shared_id),
    recipe   INTEGER NOT NULL REFERENCES screening_shared (shared_id),
    body     BLOB    NOT NULL          -- the rest of the document, packed
);
CREATE INDEX screening_kept ON screening (kept);
CREATE INDEX screening_subject ON screening (subject);
CREATE INDEX screening_verdict ON screening (verdict, kept) WHERE verdict <> 'clear';
CREATE INDEX screening_status ON screening (status, kept) WHERE status <> 'none';
CREATE INDEX screening_case ON screening (case_id, kept) WHERE case_id <> '';
CREATE TRIGGER screening_no_update BEFORE UPDATE OF seq, id, kept, subject, question, verdict, as_of, recipe, body
ON screening
BEGIN SELECT RAISE(ABORT, 'a kept screening is never changed'); END;

CREATE TABLE screening_decision (      -- append only; goes when its screening was purged
    seq       INTEGER PRIMARY KEY,
    screening BLOB NOT NULL,
    time      TEXT NOT NULL,           -- UTC, ISO 8601
    by        TEXT NOT NULL,           -- as they gave their name
    account   TEXT NOT NULL,           -- of the operating system
    decision  TEXT NOT NULL CHECK (decision IN ('accept', 'reject', 'escalate', 'exception', 'reopen')),
    reason    TEXT NOT NULL,
    status    TEXT NOT NULL,           -- of the screening from here on
    confirms  INTEGER REFERENCES screening_decision (seq),   -- the first person's decision
    exception TEXT                     -- its id, where one was made or approved
);
CREATE INDEX screening_decision_of ON screening_decision (screening, seq);
CREATE TRIGGER screening_decision_no_update BEFORE UPDATE ON screening_decision
BEGIN SELECT RAISE(ABORT, 'decisions are append-only'); END;
CREATE TRIGGER screening_decision_no_delete BEFORE DELETE ON screening_decision
WHEN EXISTS (SELECT 1 FROM screening WHERE id = old.screening)
BEGIN SELECT RAISE(ABORT, 'decisions are append-only'); END;

CREATE TABLE screening_exception (     -- what was granted; never changed
    exception_id TEXT PRIMARY KEY,
    chain        TEXT NOT NULL,
    scope        TEXT NOT NULL CHECK (scope IN ('address', 'cluster', 'entity', 'transfer')),
    value        TEXT NOT NULL,        -- address, first member of the cluster, entity (casefolded), txid:vout
    content      TEXT NOT NULL         -- JSON: rules, categories, ceiling, expiry, who, when, why
) WITHOUT ROWID;
CREATE INDEX screening_exception_of ON screening_exception (chain, scope, value);
CREATE TRIGGER screening_exception_no_update BEFORE UPDATE ON screening_exception
BEGIN SELECT RAISE(ABORT, 'exceptions are append-only'); END;
CREATE TABLE screening_exception_event (   -- approved by a second person, withdrawn; append only
    seq          INTEGER PRIMARY KEY,
    exception_id TEXT NOT NULL,
    event        TEXT NOT NULL CHECK (event IN ('approved', 'withdrawn')),
    time         TEXT NOT NULL,
    by           TEXT NOT NULL,
    account      TEXT NOT NULL,
    reason       TEXT NOT NULL
);
CREATE INDEX screening_exception_event_of ON screening_exception_event (exception_id, seq);
CREATE TRIGGER screening_exception_event_no_update BEFORE UPDATE ON screening_exception_event
BEGIN SELECT RAISE(ABORT, 'exceptions are append-only'); END;
CREATE TRIGGER screening_exception_event_no_delete BEFORE DELETE ON screening_exception_event
WHEN EXISTS (SELECT 1 FROM screening_exception WHERE exception_id = old.exception_id)
BEGIN SELECT RAISE(ABORT, 'exceptions are append-only'); END;

-- name: state_5
-- Watches, what they raised, and how far the chains were read for them (`tracer.watching`); delivery's `outbox`.
CREATE TABLE watch (
    watch_id     TEXT PRIMARY KEY,     -- a hash of what is watched, how, and for which case
    chain        TEXT    NOT NULL,
    kind         TEXT    NOT NULL CHECK (kind IN ('address', 'cluster', 'tag')),
    subject      TEXT    NOT NULL,     -- canonical address (of a cluster: its anchor), or the label of tags
    key_kind     INTEGER,              -- tracer.chain.AddressKey of the address; NULL of a tag
    key_payload  BLOB,
    alert_types  TEXT    NOT NULL,     -- sorted, separated by a space
    settings     TEXT    NOT NULL,     -- JSON: what narrows it (`tracer.watching.model.Settings`)
    label        TEXT    NOT NULL,
    tags         TEXT    NOT NULL,     -- JSON list
    channels     TEXT    NOT NULL,     -- JSON list of names
    case_id      TEXT    NOT NULL,
    basis        TEXT    NOT NULL,     -- why it may be watched
    owner        TEXT    NOT NULL,
    tlp          TEXT    NOT NULL,
    added        TEXT    NOT NULL,     -- UTC, ISO 8601
    expires      TEXT    NOT NULL,     -- UTC, ISO 8601; "" never
    start_height INTEGER,              -- blocks above it count; NULL until the chain was first read
    base_size    INTEGER,              -- addresses of a cluster when it was added
    base_held    TEXT,                 -- what service held it then, "" none; NULL until it was looked at
    overgrown    INTEGER,              -- height from which on only the anchor is watched; NULL: not so
    trail_full   INTEGER               -- height from which on its trail leaves outputs out; NULL: not so
);
CREATE INDEX watch_chain ON watch (chain, watch_id);
CREATE TABLE watch_generation (        -- grows with every change of `watch`: who keeps them in memory sees it
    id INTEGER PRIMARY KEY CHECK (id = 1), generation INTEGER NOT NULL
);
INSERT INTO watch_generation VALUES (1, 0);
CREATE TABLE watch_purge (             -- watches that are gone, and why: nothing of what they watched
    watch_id TEXT NOT NULL, chain TEXT NOT NULL, purged TEXT NOT NULL, reason TEXT NOT NULL, case_id TEXT NOT NULL,
    owner TEXT NOT NULL, basis TEXT NOT NULL, alerts INTEGER NOT NULL
);
CREATE TABLE watch_lot (               -- outputs that a watch with a trail moved to
    watch_id TEXT NOT NULL, txid BLOB NOT NULL, vout INTEGER NOT NULL, chain TEXT NOT NULL, hop INTEGER NOT NULL,
    value INTEGER NOT NULL, height INTEGER NOT NULL, origin BLOB NOT NULL,   -- the transaction that left the watch
    PRIMARY KEY (watch_id, txid, vout)
) WITHOUT ROWID;
CREATE INDEX watch_lot_height ON watch_lot (chain, height);
CREATE TABLE watch_cursor (            -- the last block read for watches: may lag the facts, never leads
    chain    TEXT PRIMARY KEY,
    height   INTEGER NOT NULL,
    hash     TEXT    NOT NULL,         -- as its chain's people write it
    time     INTEGER NOT NULL,         -- of the block, unix seconds
    read     TEXT    NOT NULL,         -- when the chain was last looked at, UTC
    fresh    TEXT    NOT NULL,         -- when a block last came, UTC
    snapshot TEXT    NOT NULL,         -- claims that were compared last; "" none
    problem  TEXT    NOT NULL          -- why the source was not read, "" where it was
) WITHOUT ROWID;
CREATE TABLE watch_block (             -- the newest blocks read for watches: where a lost branch began
    chain TEXT NOT NULL, height INTEGER NOT NULL, hash TEXT NOT NULL, PRIMARY KEY (chain, height)
) WITHOUT ROWID;
CREATE TABLE alert (
    alert_id    TEXT PRIMARY KEY,      -- sha256 of watch, type and event (CONTRACTS)
    revision    INTEGER NOT NULL,
    watch_id    TEXT    NOT NULL,
    chain       TEXT    NOT NULL,
    alert_type  TEXT    NOT NULL,
    severity    TEXT    NOT NULL,      -- low | medium | high | severe | ""
    event_key   TEXT    NOT NULL,
    txid        TEXT,
    chain_state TEXT,                  -- mempool | confirmed | final | reorged; NULL of what no block holds
    validity    TEXT    NOT NULL,      -- valid | retracted
    late        INTEGER NOT NULL,
    height      INTEGER,
    block_hash  TEXT,                  -- as its chain's people write it
    raised      TEXT    NOT NULL,      -- UTC, ISO 8601
    revised     TEXT    NOT NULL,
    case_id     TEXT    NOT NULL,
    tlp         TEXT    NOT NULL,
    protected   INTEGER NOT NULL,      -- a victim or an authorised purchase has part in it
    document    TEXT    NOT NULL,      -- tracer.alert/1 of the newest revision
    status      TEXT    NOT NULL DEFAULT 'open',
    assignee    TEXT    NOT NULL DEFAULT ''
);
CREATE INDEX alert_block ON alert (chain, height) WHERE validity = 'valid';
CREATE INDEX alert_raised ON alert (raised);
CREATE INDEX alert_watch ON alert (watch_id);
CREATE TABLE alert_revision (
    alert_id TEXT NOT NULL, revision INTEGER NOT NULL, recorded TEXT NOT NULL, document TEXT NOT NULL,
    PRIMARY KEY (alert_id, revision)
) WITHOUT ROWID;
CREATE TABLE alert_note (              -- who decided what about an alert
    id INTEGER PRIMARY KEY, alert_id TEXT NOT NULL, time TEXT NOT NULL, by TEXT NOT NULL, status TEXT NOT NULL,
    assignee TEXT NOT NULL, text TEXT NOT NULL
);
CREATE INDEX alert_note_alert ON alert_note (alert_id, id);
CREATE TABLE outbox (                  -- what is to go out: one row per alert, revision and channel (`tracer.watching.outbox`)
    id          INTEGER PRIMARY KEY,   -- the order in which they were put in
    alert_id    TEXT NOT NULL,         -- of a digest: `digest-` and its own hash
    revision    INTEGER NOT NULL,
    channel     TEXT NOT NULL,
    watch_id    TEXT NOT NULL,         -- "" of the house's own alerts (test, delivery_failed, source_stalled)
    late        INTEGER NOT NULL DEFAULT 0,
    put         INTEGER NOT NULL,      -- unix milliseconds, as all times here: seven days count from it
    state       TEXT NOT NULL DEFAULT 'new'
                CHECK (state IN ('new', 'waiting', 'held', 'bundled', 'delivered', 'dead')),
    due         INTEGER NOT NULL,      -- not before
    attempts    INTEGER NOT NULL DEFAULT 0,
    lease       TEXT,                  -- the dispatcher that has it in hand
    lease_until INTEGER,
    digest      INTEGER,               -- id of the row of the digest that carries it
    delivered   INTEGER,
    last_error  TEXT NOT NULL DEFAULT '',
    told        INTEGER,               -- when a dead letter was told to a second channel
    UNIQUE (alert_id, revision, channel)
);
CREATE INDEX outbox_open ON outbox (state, channel, due);
CREATE INDEX outbox_untold ON outbox (channel, id) WHERE state = 'dead' AND told IS NULL;
CREATE INDEX outbox_digest ON outbox (digest) WHERE digest IS NOT NULL;
CREATE INDEX outbox_watch ON outbox (channel, watch_id, delivered);
CREATE TABLE channel_state (           -- when a channel last took something, and refused; whether it is gone for good
    channel TEXT PRIMARY KEY, disabled INTEGER, reason TEXT NOT NULL DEFAULT '', delivered INTEGER, failed INTEGER,
    told INTEGER
) WITHOUT ROWID;
CREATE TABLE checkin (                 -- what was last told to an outside monitor
    name TEXT PRIMARY KEY, time INTEGER NOT NULL, outcome TEXT NOT NULL
) WITHOUT ROWID;

-- name: state_6
CREATE TABLE repeat (                  -- answers of `tracer serve` kept by a key of the caller's (cli/service/repeats.py)
    caller  TEXT    NOT NULL,
    key     TEXT    NOT NULL,
    request TEXT    NOT NULL,          -- SHA-256 of what was asked
    answer  BLOB    NOT NULL,          -- zlib
    made    INTEGER NOT NULL,          -- unix seconds
    PRIMARY KEY (caller, key)
) WITHOUT ROWID;
CREATE INDEX repeat_made ON repeat (made);

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
