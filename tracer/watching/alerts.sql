-- Alerts in the state database: the record, and every revision of it.

-- name: find
SELECT revision, chain_state, validity, late, height, block_hash, document FROM alert WHERE alert_id = :alert_id;
-- name: insert
INSERT INTO alert (alert_id, revision, watch_id, chain, alert_type, severity, event_key, txid, chain_state, validity, late,
    height, block_hash, raised, revised, case_id, tlp, protected, document)
VALUES (:alert_id, 1, :watch_id, :chain, :alert_type, :severity, :event_key, :txid, :chain_state, 'valid', :late,
    :height, :block_hash, :now, :now, :case_id, :tlp, :protected, :document);
-- name: revise
UPDATE alert SET revision = :revision, chain_state = :chain_state, validity = :validity, height = :height,
    block_hash = :block_hash, revised = :now, document = :document WHERE alert_id = :alert_id;
-- name: note_revision
INSERT INTO alert_revision (alert_id, revision, recorded, document) VALUES (:alert_id, :revision, :now, :document);
-- name: channels
SELECT DISTINCT channel FROM outbox WHERE alert_id = :alert_id ORDER BY channel;
-- name: told_last
-- when the last notification of a watch went, or will go, unix milliseconds
SELECT max(CASE WHEN state = 'held' THEN due ELSE put END), max(state = 'held' AND due > :now) FROM outbox
WHERE watch_id = :watch_id;
-- name: lost
-- of blocks above the last common one
SELECT alert_id FROM alert WHERE chain = :chain AND validity = 'valid' AND height > :height ORDER BY height, alert_id;
-- name: settled
SELECT alert_id FROM alert
WHERE chain = :chain AND validity = 'valid' AND chain_state = 'confirmed' AND height <= :height ORDER BY height, alert_id;
-- name: waiting
SELECT alert_id, txid FROM alert
WHERE chain = :chain AND validity = 'valid' AND chain_state = 'mempool' ORDER BY alert_id;
-- name: counts
SELECT count(*), coalesce(sum(validity = 'retracted'), 0), coalesce(sum(status = 'open'), 0) FROM alert;
-- name: open_of_type
SELECT alert_id, document FROM alert WHERE chain = :chain AND alert_type = :alert_type AND validity = 'valid'
ORDER BY raised, alert_id;
