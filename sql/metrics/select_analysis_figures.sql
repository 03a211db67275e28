-- At most one row: what the last run of analyze, at or before `at` (null: ever), adds to the answer of metrics for a
-- scope (version null: all). None where that run had nothing of the version, whatever an earlier one had.
-- Parameters: version, at.
SELECT a.document -> 'figures' AS figures
FROM scorekeeper.analysis AS a
WHERE
    (a.version = cast(:version AS text) OR (cast(:version AS text) IS NULL AND a.version IS NULL))
    AND a.as_of = (
        SELECT max(run.as_of) FROM scorekeeper.analysis AS run
        WHERE run.version IS NULL AND (cast(:at AS timestamptz) IS NULL OR run.as_of <= :at)
    );
