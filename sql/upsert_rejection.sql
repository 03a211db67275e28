-- One row per refused decision. Parameters: sha256, source_name, line, field, reason, excerpt, rejected_at.
-- Called by ledger.
INSERT INTO scorekeeper.rejection (sha256, source_name, line, field, reason, excerpt, rejected_at)
VALUES (:sha256, :source_name, :line, :field, :reason, :excerpt, :rejected_at)
ON CONFLICT (sha256, line) DO UPDATE SET
    field = excluded.field, reason = excluded.reason, excerpt = excluded.excerpt, rejected_at = excluded.rejected_at;
