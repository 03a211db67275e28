-- At most one row: the last analysis of a scope (version null: all), at or before `at` (null: the last as_of of track).
-- Parameters: version, at. Called by analyze.
SELECT a.as_of, a.document
FROM scorekeeper.analysis AS a
LEFT JOIN scorekeeper.market AS m ON true
WHERE
    a.version IS NOT DISTINCT FROM cast(:version AS text)
    AND a.as_of <= coalesce(cast(:at AS timestamptz), m.last_as_of, 'infinity')
ORDER BY a.as_of DESC
LIMIT 1;
