-- At most one row: what the last run of analyze at or before `at` (null: ever) found of a version (null: all). None
-- where that run had nothing of the version, whatever an earlier one had. Parameters: version, at.
SELECT a.as_of, a.document
FROM scorekeeper.report_analyses AS a
WHERE
    (a.version = cast(:version AS text) OR (cast(:version AS text) IS NULL AND a.version IS NULL))
    AND a.as_of = (
        SELECT max(run.as_of) FROM scorekeeper.report_analyses AS run
        WHERE run.version IS NULL AND (cast(:at AS timestamptz) IS NULL OR run.as_of <= :at)
    );
