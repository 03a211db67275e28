-- One row per refusal of a content that has grown: it is of the longer content now, as its file will be; and of the
-- shorter one only where that lies elsewhere too. Parameter: rows (JSON).
WITH given AS (
    SELECT g.name, g.before, g.sha256
    FROM json_to_recordset(cast(:rows AS json)) AS g (name text, before bytea, sha256 bytea)
),
adopted AS (
    INSERT INTO scorekeeper.rejection (sha256, source_name, line, field, reason, excerpt, rejected_at)
    SELECT g.sha256, g.name, r.line, r.field, r.reason, r.excerpt, r.rejected_at
    FROM given AS g
    INNER JOIN scorekeeper.rejection AS r ON g.before = r.sha256
)
DELETE FROM scorekeeper.rejection AS r
USING given AS g
WHERE
    r.sha256 = g.before
    AND NOT EXISTS (
        SELECT 1 FROM scorekeeper.file_arrival AS a
        WHERE a.sha256 = g.before AND (a.name <> g.name OR a.moved_at IS NOT NULL)
    );
