-- name: select_last_known
-- One row: the highest event_id of a settlement, or 0. Settlements run one at a time, so what becomes known later has a
-- higher event_id.
SELECT coalesce(max(e.event_id), 0)
FROM scorekeeper.event AS e
WHERE e.kind IN ('outcome', 'horizon');


-- name: select_analysis
-- At most one row: the analysis of a version (null: all) by the last run of analyze at or before `at` (null: the last
-- track). No row if that run had nothing of the version, even if an earlier run had.
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


-- name: delete_analysis
-- One row per analysis at `as_of`: deletes them before all are written again.
-- Parameter: as_of.
DELETE FROM scorekeeper.analysis
WHERE as_of = :as_of;


-- name: upsert_analysis
-- One row: stores the analysis of a version (null: all) at `as_of`, in place of an earlier one.
-- Parameters: as_of, version, document, known_event_id.
INSERT INTO scorekeeper.analysis (as_of, version, document, known_event_id)
VALUES (:as_of, :version, cast(:document AS jsonb), :known_event_id)
ON CONFLICT (as_of, version) DO UPDATE SET document = excluded.document, known_event_id = excluded.known_event_id;
