-- One row: how far a content has been read. Parameters: sha256, size_bytes, committed_offset, committed_lines,
-- finished_at. Called by ledger.
INSERT INTO scorekeeper.decision_file (sha256, size_bytes, committed_offset, committed_lines, finished_at)
VALUES (:sha256, :size_bytes, :committed_offset, :committed_lines, :finished_at)
ON CONFLICT (sha256) DO UPDATE SET
    committed_offset = excluded.committed_offset,
    committed_lines = excluded.committed_lines,
    finished_at = excluded.finished_at;
