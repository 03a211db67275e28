-- One row per arrival whose file has left the inbox. Parameter: rows (JSON; lies: whether it lies where it was
-- moved to: whoever wrote it may have removed or replaced it first; report: the hash of the
-- report beside it, or none).
UPDATE scorekeeper.file_arrival AS a
SET
    moved_at = g.moved_at,
    destination = CASE WHEN g.lies THEN a.destination END,
    report_sha256 = coalesce(g.report, a.report_sha256)
FROM
    json_to_recordset(cast(:rows AS json)) AS g (
        name text, sha256 bytea, moved_at timestamptz, lies boolean, report bytea
    )
WHERE a.name = g.name AND a.sha256 = g.sha256 AND a.moved_at IS NULL AND a.outcome <> 'reading';
