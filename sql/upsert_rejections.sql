-- One row per refused decision. Parameters, an array each: sha256, source_name, line, field, reason, excerpt,
-- rejected_at. Called by ledger.
INSERT INTO scorekeeper.rejection (sha256, source_name, line, field, reason, excerpt, rejected_at)
SELECT g.sha256, g.source_name, g.line, g.field, g.reason, g.excerpt, g.rejected_at
FROM
    unnest(
        cast(:sha256 AS bytea[]), cast(:source_name AS text[]), cast(:line AS bigint[]), cast(:field AS text[]),
        cast(:reason AS text[]), cast(:excerpt AS text[]), cast(:rejected_at AS timestamptz[])
    ) AS g (sha256, source_name, line, field, reason, excerpt, rejected_at)
ON CONFLICT (sha256, line) DO UPDATE SET
    field = excluded.field, reason = excluded.reason, excerpt = excluded.excerpt, rejected_at = excluded.rejected_at;
