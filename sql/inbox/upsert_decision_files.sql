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
