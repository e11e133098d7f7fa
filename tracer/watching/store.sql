-- Watches in the state database.

-- name: put
INSERT INTO watch (watch_id, chain, kind, subject, key_kind, key_payload, alert_types, settings, label, tags, channels,
    case_id, basis, owner, tlp, added, expires, start_height, base_size, base_held, overgrown, trail_full)
VALUES (:watch_id, :chain, :kind, :subject, :key_kind, :key_payload, :alert_types, :settings, :label, :tags, :channels,
    :case_id, :basis, :owner, :tlp, :added, :expires, :start_height, :base_size, :base_held, :overgrown, :trail_full)
ON CONFLICT (watch_id) DO UPDATE SET label = excluded.label, tags = excluded.tags, channels = excluded.channels,
    basis = excluded.basis, owner = excluded.owner, tlp = excluded.tlp, expires = excluded.expires;
-- name: count
SELECT count(*) FROM watch WHERE :chain IS NULL OR chain = :chain;
-- name: chains
SELECT DISTINCT chain FROM watch ORDER BY chain;
-- name: watches
SELECT watch_id, chain, kind, subject, key_kind, key_payload, alert_types, settings, label, tags, channels, case_id, basis,
    owner, tlp, added, expires, start_height, base_size, base_held, overgrown, trail_full
FROM watch WHERE :chain IS NULL OR chain = :chain ORDER BY chain, watch_id;
-- name: find
SELECT watch_id FROM watch WHERE watch_id LIKE :start || '%' ORDER BY watch_id LIMIT 2;
-- name: generation
SELECT generation FROM watch_generation;
-- name: changed
UPDATE watch_generation SET generation = generation + 1;
-- name: start_at
UPDATE watch SET start_height = :height WHERE chain = :chain AND start_height IS NULL;
-- name: start_anew
UPDATE watch SET start_height = NULL WHERE chain = :chain;
-- name: measured
UPDATE watch SET base_size = :size, base_held = :held WHERE watch_id = :watch_id;
-- name: overgrown
UPDATE watch SET overgrown = :height WHERE watch_id = :watch_id;
-- name: trail_full
UPDATE watch SET trail_full = :height WHERE watch_id = :watch_id AND trail_full IS NULL;
-- name: full_trails
SELECT count(*) FROM watch WHERE chain = :chain AND trail_full IS NOT NULL;
-- name: grown_back
UPDATE watch SET overgrown = NULL WHERE chain = :chain AND overgrown > :height;
-- name: room_again
UPDATE watch SET trail_full = NULL WHERE chain = :chain AND trail_full > :height;
-- name: expired
SELECT watch_id FROM watch WHERE chain = :chain AND expires <> '' AND expires <= :now ORDER BY watch_id;
-- name: alerts_of
SELECT count(*) FROM alert WHERE watch_id = :watch_id;
-- name: alert_ids
SELECT alert_id FROM alert WHERE watch_id = :watch_id ORDER BY alert_id;
-- name: drop_alert
DELETE FROM alert WHERE alert_id = :alert_id;
-- name: drop_revisions
DELETE FROM alert_revision WHERE alert_id = :alert_id;
-- name: drop_notes
DELETE FROM alert_note WHERE alert_id = :alert_id;
-- name: note_purge
INSERT INTO watch_purge (watch_id, chain, purged, reason, case_id, owner, basis, alerts)
SELECT watch_id, chain, :now, :reason, case_id, owner, basis, :alerts FROM watch WHERE watch_id = :watch_id;
-- name: drop
DELETE FROM watch WHERE watch_id = :watch_id;
-- name: drop_lots
DELETE FROM watch_lot WHERE watch_id = :watch_id;
-- name: purges
SELECT watch_id, chain, purged, reason, case_id, owner, basis, alerts FROM watch_purge ORDER BY purged, watch_id;
-- name: begin_lower
UPDATE watch SET start_height = :height WHERE chain = :chain AND start_height > :height;
