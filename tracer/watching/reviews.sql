-- The record of alerts as people read and work it.

-- name: listed
SELECT alert_id, revision, watch_id, chain, alert_type, severity, txid, chain_state, validity, late, height, raised,
  revised, case_id, tlp, protected, status, assignee, document
FROM alert
WHERE (:status IS NULL OR status = :status) AND (:alert_type IS NULL OR alert_type = :alert_type)
  AND (:severity IS NULL OR severity = :severity) AND (:chain IS NULL OR chain = :chain)
  AND (:watch_id IS NULL OR watch_id = :watch_id) AND (:case_id IS NULL OR case_id = :case_id)
  AND (:assignee IS NULL OR assignee = :assignee) AND (:validity IS NULL OR validity = :validity)
  AND (:txid IS NULL OR txid = :txid)
  AND (:since IS NULL OR raised >= :since) AND (:until IS NULL OR raised < :until)
ORDER BY raised DESC, alert_id LIMIT :most;

-- name: ids
SELECT alert_id FROM alert WHERE alert_id >= :first AND alert_id < :last ORDER BY alert_id LIMIT 2;

-- name: one
SELECT alert_id, revision, watch_id, chain, alert_type, severity, txid, chain_state, validity, late, height, raised,
  revised, case_id, tlp, protected, status, assignee, document
FROM alert WHERE alert_id = :alert_id;

-- name: revisions
SELECT revision, recorded, document FROM alert_revision WHERE alert_id = :alert_id ORDER BY revision;

-- name: notes
SELECT time, by, status, assignee, text FROM alert_note WHERE alert_id = :alert_id ORDER BY id;

-- name: note
INSERT INTO alert_note (alert_id, time, by, status, assignee, text)
VALUES (:alert_id, :time, :by, :status, :assignee, :text);

-- name: work
UPDATE alert SET status = :status, assignee = :assignee WHERE alert_id = :alert_id;
