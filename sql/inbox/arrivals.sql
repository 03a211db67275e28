-- name: upsert_arrivals
-- One row per arrival that is or was read. Its counts add up over the batches.
-- Parameter: rows (JSON), of which no two have the same name and sha256.
INSERT INTO scorekeeper.file_arrival (
    name, sha256, modified_at, arrived_at, attempt, outcome, decisions, duplicates, rejected, destination
)
SELECT
    g.name, g.sha256, g.modified_at, g.arrived_at,
    1 + (
        SELECT count(*) FROM scorekeeper.file_arrival AS a
        WHERE a.sha256 = g.sha256 AND a.moved_at IS NOT NULL
    ),
    g.outcome, g.decisions, g.duplicates, g.rejected, g.destination
FROM
    json_to_recordset(cast(:rows AS json)) AS g (
        name text, sha256 bytea, modified_at timestamptz, arrived_at timestamptz, outcome text, decisions bigint,
        duplicates bigint, rejected bigint, destination text
    )
ON CONFLICT (name, sha256) WHERE moved_at IS NULL DO UPDATE SET
    outcome = excluded.outcome,
    decisions = file_arrival.decisions + excluded.decisions,
    duplicates = file_arrival.duplicates + excluded.duplicates,
    rejected = file_arrival.rejected + excluded.rejected,
    destination = excluded.destination;

-- name: mark_arrivals_moved
-- One row per arrival whose file has left the inbox. Parameter: rows (JSON; lies: whether it lies where it was moved,
-- since its writer may have removed or replaced it first; report: the hash of the error file beside it, or none).
UPDATE scorekeeper.file_arrival AS a
SET
    moved_at = g.moved_at,
    destination = CASE WHEN g.lies THEN a.destination END,
    report_sha256 = coalesce(g.report, a.report_sha256)
FROM
    json_to_recordset(cast(:rows AS json)) AS g (
        name text, sha256 bytea, moved_at timestamptz, lies boolean, report bytea
    )
WHERE a.name = g.name AND a.sha256 = g.sha256 AND a.moved_at IS NULL AND a.outcome <> 'reading';

-- name: select_waiting_arrivals
-- One row per arrival that was read to its end and whose file was not moved yet. Parameter: rows (JSON).
SELECT arrival_id, name, sha256, outcome, destination
FROM scorekeeper.file_arrival
WHERE
    moved_at IS NULL AND outcome <> 'reading'
    AND sha256 IN (SELECT g.sha256 FROM json_to_recordset(cast(:rows AS json)) AS g (sha256 bytea));

-- name: select_unmoved_arrivals
-- One row per arrival that was read to its end and whose file is not known to have left the inbox.
SELECT a.name, a.sha256, a.destination, f.size_bytes
FROM scorekeeper.file_arrival AS a
INNER JOIN scorekeeper.decision_file AS f ON a.sha256 = f.sha256
WHERE a.moved_at IS NULL AND a.outcome <> 'reading' AND a.destination IS NOT NULL;

-- name: select_growing_arrivals
-- One row per arrival that has not left the inbox and is not followed: its file of lines may have grown since.
-- Parameter: names (text array).
SELECT
    a.name, f.sha256, f.size_bytes, f.committed_offset, f.committed_lines,
    (
        SELECT count(*) FROM scorekeeper.rejection AS r
        WHERE r.sha256 = f.sha256
    ) AS refused
FROM scorekeeper.file_arrival AS a
INNER JOIN scorekeeper.decision_file AS f ON a.sha256 = f.sha256
WHERE
    a.moved_at IS NULL AND a.name = any(cast(:names AS text[]))
    AND NOT EXISTS (
        SELECT 1 FROM scorekeeper.followed_file AS o
        WHERE o.sha256 = a.sha256
    )
ORDER BY f.size_bytes;

-- name: end_grown_arrivals
-- One row per arrival of a content that has grown. What it held has been read; its file goes on as a longer one.
-- Parameter: rows (JSON).
UPDATE scorekeeper.file_arrival AS a
SET
    outcome = CASE a.outcome WHEN 'reading' THEN 'ingested' ELSE a.outcome END,
    destination = null,
    moved_at = g.at
FROM json_to_recordset(cast(:rows AS json)) AS g (name text, before bytea, at timestamptz)
WHERE a.name = g.name AND a.sha256 = g.before AND a.moved_at IS NULL;

-- name: select_renamed_arrivals
-- One row per arrival that was not read to its end, although its content was: under another name. If the file is still
-- there, it is met again.
SELECT a.name, a.sha256
FROM scorekeeper.file_arrival AS a
INNER JOIN scorekeeper.decision_file AS f ON a.sha256 = f.sha256
WHERE a.moved_at IS NULL AND a.outcome = 'reading' AND f.finished_at IS NOT NULL;

-- name: end_renamed_arrivals
-- One row per arrival of a content that was read to its end under another name. Parameter: rows (JSON).
UPDATE scorekeeper.file_arrival AS a
SET outcome = 'ingested', moved_at = g.at
FROM json_to_recordset(cast(:rows AS json)) AS g (name text, sha256 bytea, at timestamptz)
WHERE a.name = g.name AND a.sha256 = g.sha256 AND a.outcome = 'reading' AND a.moved_at IS NULL;

-- name: release_arrivals
-- One row per arrival of a file that has grown since it was moved, and goes on as a longer one.
-- Parameter: rows (JSON; place: where it was moved to).
UPDATE scorekeeper.file_arrival AS a
SET destination = null
FROM json_to_recordset(cast(:rows AS json)) AS g (before bytea, place text)
WHERE a.sha256 = g.before AND a.destination = g.place;

-- name: name_followed_arrivals
-- One row per arrival of a followed file that is complete now: it gets the hash of its content.
-- Parameter: rows (JSON; content: the hash of the complete file).
UPDATE scorekeeper.file_arrival AS a
SET
    sha256 = g.content,
    followed_as = g.sha256,
    attempt = g.attempt
FROM (
    SELECT o.name, o.sha256, o.content, 1 + count(other.sha256) AS attempt
    FROM json_to_recordset(cast(:rows AS json)) AS o (name text, sha256 bytea, content bytea)
    LEFT JOIN scorekeeper.file_arrival AS other ON o.content = other.sha256 AND other.moved_at IS NOT NULL
    GROUP BY o.name, o.sha256, o.content
) AS g
WHERE a.name = g.name AND a.sha256 = g.sha256;

-- name: select_moved_lines
-- One row per file of lines that was moved since a time, and where to; the latest first. The endings of names are those
-- of the index file_arrival_moved_lines. Parameters: since, most.
SELECT DISTINCT ON (a.moved_at, a.destination)
    a.name, a.sha256, a.destination, f.size_bytes, f.committed_offset, f.committed_lines
FROM scorekeeper.file_arrival AS a
INNER JOIN scorekeeper.decision_file AS f ON a.sha256 = f.sha256
WHERE a.destination ~* '\.(jsonl|ndjson|jsonlines|csv|tsv)$' AND a.moved_at IS NOT NULL AND a.moved_at >= :since
ORDER BY a.moved_at DESC, a.destination ASC
LIMIT :most;
