-- At most one row: the answer of metrics for a version (null: all) as composed last. Parameter: version.
SELECT s.answer
FROM scorekeeper.report_scorecards AS s
WHERE s.version = cast(:version AS text) OR (cast(:version AS text) IS NULL AND s.version IS NULL);
