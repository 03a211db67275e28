-- One row per subject of which the condition holds now, and did not before. Parameters: name, subjects (text array),
-- at.
INSERT INTO scorekeeper.alert (name, subject, begun_at)
SELECT :name, s.subject, :at
FROM unnest(cast(:subjects AS text[])) AS s (subject)
ON CONFLICT DO NOTHING;
