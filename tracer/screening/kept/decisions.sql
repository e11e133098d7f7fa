-- What people decided on kept screenings: appended, never changed.

-- name: put
INSERT INTO screening_decision (screening, time, by, account, decision, reason, status, confirms, exception)
VALUES (:screening, :time, :by, :account, :decision, :reason, :status, :confirms, :exception);

-- name: of
SELECT seq, time, by, account, decision, reason, status, confirms, exception
FROM screening_decision WHERE screening = :screening ORDER BY seq;

-- name: of_many
SELECT lower(hex(screening)), seq, time, by, account, decision, reason, status, confirms, exception
FROM screening_decision
WHERE screening IN (SELECT id FROM screening WHERE seq IN (SELECT value FROM json_each(:seqs)))
ORDER BY seq;

-- name: delete_lost
DELETE FROM screening_decision
WHERE NOT EXISTS (SELECT 1 FROM screening AS s WHERE s.id = screening_decision.screening);
