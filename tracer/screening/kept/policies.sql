-- Policies by their hash.

-- name: one
SELECT body FROM screening_policy WHERE sha256 = :sha256;

-- name: put
INSERT OR IGNORE INTO screening_policy (sha256, body) VALUES (:sha256, :body);
