-- At most one row: the last analysis of a scope (version null: all), at or before `at` (null: ever).
-- Parameters: version, at. Called by analyze and the report.
SELECT a.as_of, a.document
FROM scorekeeper.analysis AS a
WHERE a.version IS NOT DISTINCT FROM cast(:version AS text) AND (cast(:at AS timestamptz) IS NULL OR a.as_of <= :at)
ORDER BY a.as_of DESC
LIMIT 1;
