-- At most one row: what the last run of analyze, at or before `at` (null: the last as_of of track), found of a scope
-- (version null: all). None where that run had nothing of the version, whatever an earlier one had.
-- Parameters: version, at.
SELECT a.as_of, a.document
FROM scorekeeper.analysis AS a
WHERE
    (a.version = cast(:version AS text) OR (cast(:version AS text) IS NULL AND a.version IS NULL))
    AND a.as_of = (
        SELECT max(run.as_of)
        FROM scorekeeper.analysis AS run
        LEFT JOIN scorekeeper.market AS m ON true
        WHERE run.version IS NULL AND run.as_of <= coalesce(cast(:at AS timestamptz), m.last_as_of, 'infinity')
    );
