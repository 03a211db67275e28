-- name: upsert_rejections
-- One row per refused decision. Parameter: rows (JSON).
INSERT INTO scorekeeper.rejection (sha256, source_name, line, field, reason, excerpt, rejected_at)
SELECT g.sha256, g.source_name, g.line, g.field, g.reason, g.excerpt, g.rejected_at
FROM
    json_to_recordset(cast(:rows AS json)) AS g (
        sha256 bytea, source_name text, line bigint, field text, reason text, excerpt text, rejected_at timestamptz
    )
ON CONFLICT (sha256, line) DO UPDATE SET
    field = excluded.field, reason = excluded.reason, excerpt = excluded.excerpt, rejected_at = excluded.rejected_at;

-- name: delete_rejections
-- One row per refusal of contents that are now read once more. Parameter: rows (JSON).
DELETE FROM scorekeeper.rejection
WHERE sha256 IN (SELECT g.sha256 FROM json_to_recordset(cast(:rows AS json)) AS g (sha256 bytea));

-- name: adopt_rejections
-- One row per refusal of a content that has grown. The longer content gets it, as it gets the file. The shorter one
-- keeps it only if it also lies elsewhere. Parameter: rows (JSON).
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

-- name: delete_reread_rejections
-- One row per refusal that is decided once more, of a file that has grown since it was moved: of its last line, if that
-- had no end; of the file as a whole, if it held nothing; and of its shorter content, if that lies nowhere any more.
-- Parameter: rows (JSON; torn: the number of that line).
DELETE FROM scorekeeper.rejection AS r
USING json_to_recordset(cast(:rows AS json)) AS g (sha256 bytea, before bytea, torn bigint)
WHERE
    (r.sha256 = g.sha256 AND (r.line = 0 OR r.line = g.torn))
    OR (
        r.sha256 = g.before
        AND NOT EXISTS (
            SELECT 1 FROM scorekeeper.file_arrival AS a
            WHERE a.sha256 = g.before AND a.destination IS NOT NULL
        )
    );

-- name: move_rejections
-- One row per refusal of a followed file that is complete now: it goes to the hash of the content.
-- Parameter: rows (JSON; content: the hash of the complete file).
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

-- name: count_kept_refusals
-- One row: how many refusals of a content stay when it is read on and its line :torn is read once more.
-- Parameters: sha256, torn.
SELECT count(*) AS refused
FROM scorekeeper.rejection
WHERE sha256 = :sha256 AND line <> 0 AND line <> :torn;

-- name: select_rejections
-- One row per refusal of a content, in order; at most 1,000. Parameter: sha256.
SELECT line, field, reason, excerpt
FROM scorekeeper.rejection
WHERE sha256 = :sha256
ORDER BY line
LIMIT 1000;

-- name: select_refused_contents
-- One row per content with refusals that is read to its end, or followed while it grows, the latest first: its hash in
-- hex, and how many decisions are refused.
SELECT
    encode(r.sha256, 'hex') AS content,
    count(*) AS rejected
FROM scorekeeper.rejection AS r
WHERE
    EXISTS (
        SELECT 1 FROM scorekeeper.file_arrival AS a
        WHERE a.sha256 = r.sha256 AND a.outcome = 'quarantined'
    )
    OR EXISTS (
        SELECT 1 FROM scorekeeper.followed_file AS o
        WHERE o.sha256 = r.sha256
    )
GROUP BY r.sha256
ORDER BY max(r.rejected_at) DESC, r.sha256 ASC;

-- name: select_quarantine
-- One row per content with refusals, the latest first: how many, the first of them, the names of its files, those that
-- still wait to be moved out of the inbox (waiting), and whether one stayed where it lay or was gone when it was to be
-- moved (unmoved). Parameters: prefix (of the hash, hex; empty: all), most.
SELECT
    q.sha256, r.source_name AS name, q.rejected, q.rejected_at, r.line, r.field, r.reason, n.names, n.waiting, n.unmoved
FROM (
    SELECT sha256, count(*) AS rejected, max(rejected_at) AS rejected_at, min(line) AS first_line
    FROM scorekeeper.rejection
    WHERE starts_with(encode(sha256, 'hex'), :prefix)
    GROUP BY sha256
) AS q
INNER JOIN scorekeeper.rejection AS r ON q.sha256 = r.sha256 AND q.first_line = r.line
CROSS JOIN
    LATERAL (
        SELECT
            array_agg(DISTINCT a.name) AS names,
            array_agg(DISTINCT a.name) FILTER (WHERE a.moved_at IS NULL) AS waiting,
            bool_or(a.moved_at IS NOT NULL AND a.destination IS NULL) AS unmoved
        FROM scorekeeper.file_arrival AS a
        WHERE a.sha256 = q.sha256 AND a.outcome = 'quarantined'
    ) AS n
ORDER BY q.rejected_at DESC, q.sha256 ASC
LIMIT :most;
