-- One row per content of a followed file that is whole now: as far as that was read. Parameter: rows (JSON; content:
-- the hash of the whole, size_bytes, at).
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
