-- Answers given once to a key of a caller's choice. See cli/service/repeats.py.

-- name: find
SELECT request, answer FROM repeat WHERE caller = :caller AND key = :key AND made > :since;

-- name: put
INSERT INTO repeat (caller, key, request, answer, made) VALUES (:caller, :key, :request, :answer, :made)
ON CONFLICT (caller, key) DO UPDATE SET request = excluded.request, answer = excluded.answer, made = excluded.made;

-- name: forget
DELETE FROM repeat WHERE made <= :since;
