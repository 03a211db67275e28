-- One row per content already seen among the given ones. Parameter: rows (JSON).
SELECT
    f.sha256, f.committed_offset, f.committed_lines, f.finished_at IS NOT NULL AS finished,
    (
        SELECT count(*) FROM scorekeeper.rejection AS r
        WHERE r.sha256 = f.sha256
    ) AS refused,
    (
        SELECT coalesce(max(a.decisions + a.duplicates), 0)
        FROM scorekeeper.file_arrival AS a
        WHERE a.sha256 = f.sha256
    ) AS decisions
FROM scorekeeper.decision_file AS f
WHERE f.sha256 IN (SELECT g.sha256 FROM json_to_recordset(cast(:rows AS json)) AS g (sha256 bytea));
