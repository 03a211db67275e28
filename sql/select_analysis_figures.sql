-- At most one row: what the last analysis of a scope (version null: all), at or before `at` (null: ever), adds to the
-- answer of metrics. Parameters: version, at. Called by score.
SELECT a.document -> 'figures' AS figures
FROM scorekeeper.analysis AS a
WHERE a.version IS NOT DISTINCT FROM cast(:version AS text) AND (cast(:at AS timestamptz) IS NULL OR a.as_of <= :at)
ORDER BY a.as_of DESC
LIMIT 1;
