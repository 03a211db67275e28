-- One row per content: how far it has been read. Parameters, an array each: sha256, size_bytes, committed_offset,
-- committed_lines, finished_at. Called by ledger.
INSERT INTO scorekeeper.decision_file (sha256, size_bytes, committed_offset, committed_lines, finished_at)
SELECT g.sha256, g.size_bytes, g.committed_offset, g.committed_lines, g.finished_at
FROM
    unnest(
        cast(:sha256 AS bytea[]), cast(:size_bytes AS bigint[]), cast(:committed_offset AS bigint[]),
        cast(:committed_lines AS bigint[]), cast(:finished_at AS timestamptz[])
    ) AS g (sha256, size_bytes, committed_offset, committed_lines, finished_at)
ON CONFLICT (sha256) DO UPDATE SET
    committed_offset = excluded.committed_offset,
    committed_lines = excluded.committed_lines,
    finished_at = excluded.finished_at;
