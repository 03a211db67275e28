-- name: select_file_ledger
-- One row per given content that has been read before: how far, how much was refused, how many decisions it brought.
-- Parameter: rows (JSON).
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

-- name: upsert_decision_files
-- One row per content: how far it has been read. Parameter: rows (JSON).
INSERT INTO scorekeeper.decision_file (sha256, size_bytes, committed_offset, committed_lines, finished_at)
SELECT g.sha256, g.size_bytes, g.committed_offset, g.committed_lines, g.finished_at
FROM
    json_to_recordset(cast(:rows AS json)) AS g (
        sha256 bytea, size_bytes bigint, committed_offset bigint, committed_lines bigint, finished_at timestamptz
    )
ON CONFLICT (sha256) DO UPDATE SET
    size_bytes = excluded.size_bytes,
    committed_offset = excluded.committed_offset,
    committed_lines = excluded.committed_lines,
    finished_at = excluded.finished_at;

-- name: insert_followed_contents
-- One row per content of a followed file that is complete now, as far as that file was read.
-- Parameter: rows (JSON; content: the hash of the complete file, size_bytes, at).
INSERT INTO scorekeeper.decision_file (sha256, size_bytes, committed_offset, committed_lines, finished_at)
SELECT DISTINCT ON (g.content) g.content, g.size_bytes, f.committed_offset, f.committed_lines, g.at
FROM
    json_to_recordset(cast(:rows AS json)) AS g (sha256 bytea, content bytea, size_bytes bigint, at timestamptz)
INNER JOIN scorekeeper.decision_file AS f ON g.sha256 = f.sha256
ORDER BY g.content, g.sha256
ON CONFLICT (sha256) DO UPDATE SET
    committed_offset = excluded.committed_offset,
    committed_lines = excluded.committed_lines,
    finished_at = excluded.finished_at;
