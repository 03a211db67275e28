-- name: begin_alerts
-- One row per subject for which the condition begins to hold. Parameters: name, subjects (text array), at.
INSERT INTO scorekeeper.alert (name, subject, begun_at)
SELECT :name, s.subject, :at
FROM unnest(cast(:subjects AS text[])) AS s (subject)
ON CONFLICT DO NOTHING;


-- name: end_alerts
-- One row per subject for which the condition no longer holds. Parameters: name, subjects (text array: those for which
-- it holds).
DELETE FROM scorekeeper.alert
WHERE name = :name AND subject <> all(cast(:subjects AS text[]));


-- name: select_untold_alerts
-- One row per subject for which the condition holds and was not reported yet, in order. Parameter: name.
SELECT subject
FROM scorekeeper.alert
WHERE name = :name AND told_at IS NULL
ORDER BY subject;


-- name: mark_alerts_told
-- One row per subject that is marked as reported. Parameters: name, subjects (text array), at.
UPDATE scorekeeper.alert
SET told_at = :at
WHERE name = :name AND subject = any(cast(:subjects AS text[])) AND told_at IS NULL;
