-- Exceptions, and what happened to them since.

-- name: any
SELECT EXISTS (SELECT 1 FROM screening_exception);

-- name: put
INSERT INTO screening_exception (exception_id, chain, scope, value, content)
VALUES (:exception_id, :chain, :scope, :value, :content);

-- name: of_keys
SELECT e.exception_id, e.chain, e.scope, e.value, e.content
FROM json_each(:keys) AS k CROSS JOIN screening_exception AS e
    ON e.chain = json_extract(k.value, '$[0]') AND e.scope = json_extract(k.value, '$[1]')
    AND e.value = json_extract(k.value, '$[2]')
ORDER BY e.exception_id;

-- name: every
SELECT exception_id, chain, scope, value, content FROM screening_exception ORDER BY exception_id;

-- name: beginning
SELECT exception_id, chain, scope, value, content FROM screening_exception
WHERE substr(exception_id, 1, length(:start)) = :start
ORDER BY exception_id LIMIT 6;

-- name: events
SELECT exception_id, event, time, by, account, reason FROM screening_exception_event
WHERE exception_id IN (SELECT value FROM json_each(:ids))
ORDER BY seq;

-- name: put_event
INSERT INTO screening_exception_event (exception_id, event, time, by, account, reason)
VALUES (:exception_id, :event, :time, :by, :account, :reason);

-- name: delete
DELETE FROM screening_exception WHERE exception_id = :exception_id;

-- name: delete_events
DELETE FROM screening_exception_event
WHERE NOT EXISTS (
    SELECT 1 FROM screening_exception AS e WHERE e.exception_id = screening_exception_event.exception_id);
