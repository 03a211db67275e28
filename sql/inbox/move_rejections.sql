-- One row per refusal of a followed file that is whole now: it is of that content. Parameter: rows (JSON; content: the
-- hash of the whole).
WITH given AS (
    SELECT g.sha256, g.content
    FROM json_to_recordset(cast(:rows AS json)) AS g (sha256 bytea, content bytea)
),
moved AS (
    INSERT INTO scorekeeper.rejection (sha256, source_name, line, field, reason, excerpt, rejected_at)
    SELECT g.content, r.source_name, r.line, r.field, r.reason, r.excerpt, r.rejected_at
    FROM given AS g
    INNER JOIN scorekeeper.rejection AS r ON g.sha256 = r.sha256
    ON CONFLICT (sha256, line) DO NOTHING
)
DELETE FROM scorekeeper.rejection AS r
USING given AS g
WHERE r.sha256 = g.sha256;
