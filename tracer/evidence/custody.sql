-- The custody log: written by append alone, in one immediate transaction.

-- name: last
SELECT seq, hash FROM custody ORDER BY seq DESC LIMIT 1;

-- name: head
SELECT seq, hash FROM custody_head ORDER BY id;

-- name: append
INSERT INTO custody (seq, time, user, engine, verb, arguments, case_id, purpose, inputs, output, outcome, prev, hash)
VALUES (:seq, :time, :user, :engine, :verb, :arguments, :case_id, :purpose, :inputs, :output, :outcome, :prev, :hash);

-- name: first_head
INSERT INTO custody_head (id, seq, hash) VALUES (1, :seq, :hash);

-- name: move_head
UPDATE custody_head SET seq = :seq, hash = :hash WHERE id = 1;

-- name: used
INSERT OR IGNORE INTO used_claim (claim, seq) SELECT value, :seq FROM json_each(:claims);

-- name: using
SELECT c.seq, c.time, c.user, c.engine, c.verb, c.arguments, c.case_id, c.purpose, c.inputs, c.output, c.outcome,
       c.prev, c.hash
FROM used_claim AS u JOIN custody AS c ON c.seq = u.seq
WHERE u.claim = :claim
ORDER BY c.seq;

-- name: entries
SELECT seq, time, user, engine, verb, arguments, case_id, purpose, inputs, output, outcome, prev, hash
FROM custody
WHERE :case_id IS NULL OR case_id = :case_id
ORDER BY seq;
