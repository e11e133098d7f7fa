-- What is to go out. A row is one revision of one alert (or one digest) on one channel:
--   new -> waiting -> delivered | dead        by itself
--   new -> held -> bundled -> delivered | dead   in a digest, whose own row waits
-- Times are unix milliseconds. A row in hand of a dispatcher has a lease; one that ran out is anybody's again.

-- name: put
INSERT INTO outbox (alert_id, revision, channel, watch_id, late, put, state, due)
VALUES (:alert_id, :revision, :channel, :watch_id, :late, :now, :state, :due)
ON CONFLICT (alert_id, revision, channel) DO NOTHING;

-- name: plain
-- The house's own alerts wait for nothing; nor does a retraction, unless what it takes back is held too.
UPDATE outbox SET state = 'waiting'
WHERE channel = :channel AND state = 'new' AND NOT late
  AND (
    watch_id = ''
    OR (:digest = 0 AND :cooldown = 0)
    OR (
      EXISTS (
        SELECT 1 FROM alert_revision AS r
        WHERE r.alert_id = outbox.alert_id AND r.revision = outbox.revision
          AND json_extract(r.document, '$.validity') = 'retracted'
      )
      AND NOT EXISTS (
        SELECT 1 FROM outbox AS e
        WHERE e.alert_id = outbox.alert_id AND e.channel = outbox.channel AND e.revision < outbox.revision
          AND e.state IN ('new', 'held', 'bundled')
      )
    )
  );

-- name: hold_late
-- The catch-up is over when nothing late was put in for a while: every new one pushes the others on.
UPDATE outbox SET state = 'held', due = :due
WHERE channel = :channel AND late AND state IN ('new', 'held')
  AND EXISTS (SELECT 1 FROM outbox AS n WHERE n.channel = :channel AND n.state = 'new' AND n.late);

-- name: hold_digest
UPDATE outbox SET state = 'held', due = :due WHERE channel = :channel AND state = 'new' AND :digest > 0;

-- name: hold_cooldown
-- The first of a watch goes, unless another went less than a cooldown ago; the others wait until that has passed.
UPDATE outbox SET
  state = CASE WHEN n.place = 1 AND n.last IS NULL THEN 'waiting' ELSE 'held' END,
  due = CASE WHEN n.place = 1 AND n.last IS NULL THEN outbox.due ELSE min(coalesce(n.last, :now), :now) + :cooldown END
FROM (
  SELECT id, row_number() OVER (PARTITION BY watch_id ORDER BY id) AS place,
    (
      SELECT max(CASE WHEN b.state = 'delivered' THEN b.delivered ELSE :now END) FROM outbox AS b
      WHERE b.watch_id = a.watch_id AND b.channel = a.channel
        AND (b.state IN ('waiting', 'bundled') OR (b.state = 'delivered' AND b.delivered > :now - :cooldown))
    ) AS last
  FROM outbox AS a
  WHERE channel = :channel AND state = 'new'
) AS n
WHERE outbox.id = n.id;

-- name: ripe
-- What is held and may go now: all that is late once its catch-up is over, or takes too long, the others when they
-- are due; not before earlier revisions of the same alert that are on their way by themselves, or held for longer.
SELECT h.id, h.alert_id, h.revision FROM outbox AS h
WHERE h.channel = :channel AND h.state = 'held'
  AND (
    h.due <= :now
    OR (h.late AND (:flush OR EXISTS (
      SELECT 1 FROM outbox AS l WHERE l.channel = :channel AND l.state = 'held' AND l.late AND l.put <= :long_ago
    )))
  )
  AND NOT EXISTS (
    SELECT 1 FROM outbox AS e
    WHERE e.alert_id = h.alert_id AND e.channel = h.channel AND e.revision < h.revision
      AND (e.state IN ('new', 'waiting', 'bundled') OR (e.state = 'held' AND e.due > :now AND NOT e.late))
  )
ORDER BY h.id LIMIT :most;

-- name: release
UPDATE outbox SET state = 'waiting', due = :now WHERE id = :id AND state = 'held';

-- name: put_digest
INSERT INTO outbox (alert_id, revision, channel, watch_id, put, state, due)
VALUES (:alert_id, 1, :channel, '', :now, 'waiting', :now)
ON CONFLICT (alert_id, revision, channel)
DO UPDATE SET state = 'waiting', put = excluded.put, due = excluded.due, attempts = 0, last_error = '', told = NULL
RETURNING id;

-- name: bundle
UPDATE outbox SET state = 'bundled', digest = :digest WHERE id = :id AND state = 'held';

-- name: anything
SELECT
  EXISTS (SELECT 1 FROM outbox WHERE channel = :channel AND state = 'new')
  OR EXISTS (
    SELECT 1 FROM outbox AS h
    WHERE h.channel = :channel AND h.state = 'held' AND (h.due <= :now OR (h.late AND (:flush OR h.put <= :long_ago)))
      AND NOT EXISTS (
        SELECT 1 FROM outbox AS e
        WHERE e.alert_id = h.alert_id AND e.channel = h.channel AND e.revision < h.revision
          AND (e.state IN ('new', 'waiting', 'bundled') OR (e.state = 'held' AND e.due > :now AND NOT e.late))
      )
  )
  OR EXISTS (
    SELECT 1 FROM outbox AS o
    WHERE o.channel = :channel AND o.state = 'waiting' AND o.due <= :now AND coalesce(o.lease_until, 0) <= :now
      AND NOT EXISTS (
        SELECT 1 FROM outbox AS e
        WHERE e.alert_id = o.alert_id AND e.channel = o.channel AND e.revision < o.revision
          AND e.state NOT IN ('delivered', 'dead')
      )
  );

-- name: claim
-- Revisions of one alert go in their order: the next waits until the one before is delivered, or dead.
UPDATE outbox SET lease = :lease, lease_until = :until, attempts = attempts + 1
WHERE id IN (
  SELECT o.id FROM outbox AS o
  WHERE o.channel = :channel AND o.state = 'waiting' AND o.due <= :now AND coalesce(o.lease_until, 0) <= :now
    AND NOT EXISTS (
      SELECT 1 FROM outbox AS e
      WHERE e.alert_id = o.alert_id AND e.channel = o.channel AND e.revision < o.revision
        AND e.state NOT IN ('delivered', 'dead')
    )
  ORDER BY o.due, o.id LIMIT :most
)
RETURNING id, alert_id, revision, channel, attempts, put;

-- name: renew
UPDATE outbox SET lease_until = :until WHERE id = :id AND lease = :lease AND state = 'waiting';

-- name: give_back
UPDATE outbox SET lease = NULL, lease_until = NULL, attempts = attempts - 1
WHERE id = :id AND lease = :lease AND state = 'waiting';

-- name: delivered
UPDATE outbox SET state = 'delivered', delivered = :now, lease = NULL, lease_until = NULL, last_error = ''
WHERE state IN ('waiting', 'bundled', 'dead') AND (id = :id OR digest = :id);

-- name: put_off
UPDATE outbox SET due = :due, last_error = :why, lease = NULL, lease_until = NULL
WHERE id = :id AND lease = :lease AND state = 'waiting';

-- name: bury
UPDATE outbox SET state = 'dead', last_error = :why, lease = NULL, lease_until = NULL
WHERE state IN ('waiting', 'bundled') AND (digest = :id OR (id = :id AND lease = :lease));

-- name: bury_channel
-- What is in hand comes back by itself; a channel that was taken down, or that nobody knows any more.
UPDATE outbox SET state = 'dead', last_error = :why, lease = NULL, lease_until = NULL
WHERE channel = :channel AND state NOT IN ('delivered', 'dead') AND coalesce(lease_until, 0) <= :now
  AND put <= :before;

-- name: strangers
SELECT DISTINCT channel FROM outbox WHERE state IN ('new', 'waiting', 'held', 'bundled') ORDER BY channel;

-- name: next_due
SELECT min(due) FROM outbox WHERE state = 'waiting' AND channel = :channel;

-- name: clock_set_back
-- What was put, claimed or put off by a clock that ran ahead: it would wait for that time to come.
UPDATE outbox SET due = CASE WHEN state = 'held' THEN :now + max(0, due - put) ELSE :now END, put = :now
WHERE state IN ('new', 'held', 'waiting', 'bundled') AND put > :now + :slack;
-- name: due_too_far
UPDATE outbox SET due = :now WHERE state = 'waiting' AND due > :now + :longest;
-- name: leased_too_far
UPDATE outbox SET lease = NULL, lease_until = NULL WHERE state = 'waiting' AND lease_until > :now + :longest;

-- name: told_of
SELECT r.document, a.document, a.tlp, a.protected
FROM alert_revision AS r JOIN alert AS a USING (alert_id)
WHERE r.alert_id = :alert_id AND r.revision = :revision;

-- name: members
SELECT o.alert_id, o.revision, r.document, a.document, a.tlp, a.protected
FROM outbox AS o
JOIN alert_revision AS r ON r.alert_id = o.alert_id AND r.revision = o.revision
JOIN alert AS a ON a.alert_id = o.alert_id
WHERE o.digest = :id
ORDER BY o.id;

-- name: answered
INSERT INTO channel_state (channel, delivered) VALUES (:channel, :now)
ON CONFLICT (channel) DO UPDATE SET delivered = :now, disabled = NULL, reason = '';

-- name: failed
INSERT INTO channel_state (channel, failed, reason) VALUES (:channel, :now, :why)
ON CONFLICT (channel) DO UPDATE SET failed = :now, reason = :why;

-- name: gone
INSERT INTO channel_state (channel, failed, disabled, reason) VALUES (:channel, :now, :now, :why)
ON CONFLICT (channel) DO UPDATE SET failed = :now, disabled = :now, reason = :why;

-- name: disabled
SELECT reason FROM channel_state WHERE channel = :channel AND disabled IS NOT NULL;

-- name: health
SELECT c.channel, s.disabled, s.delivered, s.failed, coalesce(s.reason, ''),
  count(*) FILTER (WHERE o.state IN ('new', 'waiting', 'held', 'bundled')),
  count(*) FILTER (WHERE o.state = 'dead'),  -- a digest counts as what is in it
  min(o.put) FILTER (WHERE o.state IN ('new', 'waiting', 'held', 'bundled'))
FROM (SELECT channel FROM outbox UNION SELECT channel FROM channel_state) AS c
LEFT JOIN channel_state AS s ON s.channel = c.channel
LEFT JOIN outbox AS o ON o.channel = c.channel AND o.alert_id NOT LIKE 'digest-%'
GROUP BY c.channel ORDER BY c.channel;

-- name: untold
SELECT o.id, o.alert_id, o.revision, o.last_error, coalesce(a.alert_type, ''), coalesce(a.event_key, '')
FROM outbox AS o LEFT JOIN alert AS a USING (alert_id)
WHERE o.channel = :channel AND o.state = 'dead' AND o.told IS NULL
ORDER BY o.id;

-- name: channels_with_untold
SELECT DISTINCT o.channel FROM outbox AS o LEFT JOIN channel_state AS s USING (channel)
WHERE o.state = 'dead' AND o.told IS NULL AND (coalesce(s.told, 0) <= :before OR s.told > :now)
ORDER BY o.channel;

-- name: tell
UPDATE outbox SET told = :now WHERE channel = :channel AND state = 'dead' AND told IS NULL AND id <= :last;

-- name: tell_channel
INSERT INTO channel_state (channel, told) VALUES (:channel, :now)
ON CONFLICT (channel) DO UPDATE SET told = :now;

-- name: replay
UPDATE outbox SET state = 'waiting', put = :now, due = :now, attempts = 0, lease = NULL, lease_until = NULL,
  digest = NULL, delivered = NULL, last_error = '', told = NULL
WHERE state IN ('delivered', 'dead') AND alert_id NOT LIKE 'digest-%'
  AND (:channel IS NULL OR channel = :channel)
  AND (NOT :dead OR state = 'dead')
  AND alert_id IN (
    SELECT r.alert_id FROM alert_revision AS r
    WHERE r.alert_id = outbox.alert_id AND r.revision = outbox.revision
      AND (:since IS NULL OR r.recorded >= :since) AND (:alert_id IS NULL OR r.alert_id = :alert_id)
  )
RETURNING channel;

-- name: forget
DELETE FROM outbox WHERE alert_id = :alert_id;

-- name: checked_in
SELECT time, outcome FROM checkin WHERE name = :name;

-- name: check_in
INSERT INTO checkin (name, time, outcome) VALUES (:name, :now, :outcome)
ON CONFLICT (name) DO UPDATE SET time = excluded.time, outcome = excluded.outcome;

-- name: recorded
SELECT 1 FROM alert WHERE alert_id = :alert_id;

-- name: of_alert
SELECT channel, revision, state, attempts, put, due, delivered, last_error FROM outbox
WHERE alert_id = :alert_id ORDER BY channel, revision;
