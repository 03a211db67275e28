-- One row per refused decision. Parameter: rows (JSON).
INSERT INTO scorekeeper.rejection (sha256, source_name, line, field, reason, excerpt, rejected_at)
SELECT g.sha256, g.source_name, g.line, g.field, g.reason, g.excerpt, g.rejected_at
FROM
    json_to_recordset(cast(:rows AS json)) AS g (
        sha256 bytea, source_name text, line bigint, field text, reason text, excerpt text, rejected_at timestamptz
    )
ON CONFLICT (sha256, line) DO UPDATE SET
    field = excluded.field, reason = excluded.reason, excerpt = excluded.excerpt, rejected_at = excluded.rejected_at;
