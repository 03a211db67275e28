-- name: select_followed_files
-- One row per file of lines that is followed, how far it is read, and how many of its lines are refused.
SELECT
    o.sha256, o.name, o.identity, o.fingerprint, o.place, o.returned_at, f.committed_offset, f.committed_lines,
    (
        SELECT count(*) FROM scorekeeper.rejection AS r
        WHERE r.sha256 = o.sha256
    ) AS refused
FROM scorekeeper.followed_file AS o
INNER JOIN scorekeeper.decision_file AS f ON o.sha256 = f.sha256
ORDER BY o.name, o.sha256;

-- name: upsert_followed_files
-- One row per file that is followed in the inbox. Parameter: rows (JSON).
INSERT INTO scorekeeper.followed_file (sha256, name, identity, fingerprint, place, returned_at)
SELECT g.sha256, g.name, g.identity, g.fingerprint, null, null
FROM json_to_recordset(cast(:rows AS json)) AS g (sha256 bytea, name text, identity text, fingerprint bytea)
ON CONFLICT (sha256) DO UPDATE SET
    identity = excluded.identity,
    fingerprint = excluded.fingerprint,
    place = null;

-- name: follow_moved_files
-- One row per file that has grown since it was moved. It is followed from where it was read to, as a new arrival.
-- Parameter: rows (JSON; modified_at: of the file; at: of the run).
WITH given AS (
    SELECT g.*
    FROM
        json_to_recordset(cast(:rows AS json)) AS g (
            sha256 bytea, name text, identity text, fingerprint bytea, place text, size_bytes bigint,
            committed_offset bigint, committed_lines bigint, modified_at timestamptz, at timestamptz
        )
),
content AS (
    INSERT INTO scorekeeper.decision_file (sha256, size_bytes, committed_offset, committed_lines)
    SELECT sha256, size_bytes, committed_offset, committed_lines FROM given
),
arrival AS (
    INSERT INTO scorekeeper.file_arrival (name, sha256, modified_at, arrived_at)
    SELECT name, sha256, modified_at, at FROM given
)
INSERT INTO scorekeeper.followed_file (sha256, name, identity, fingerprint, place, returned_at)
SELECT sha256, name, identity, fingerprint, place, at FROM given;

-- name: move_followed_files
-- One row per followed file whose content was copied to another file, by a rotation or its writer.
-- Parameter: rows (JSON).
UPDATE scorekeeper.followed_file AS o
SET identity = g.identity
FROM json_to_recordset(cast(:rows AS json)) AS g (sha256 bytea, identity text)
WHERE o.sha256 = g.sha256;

-- name: note_followed_returned
-- One row per followed file that is back in the inbox. Parameter: rows (JSON).
UPDATE scorekeeper.followed_file AS o
SET place = null
FROM json_to_recordset(cast(:rows AS json)) AS g (sha256 bytea)
WHERE o.sha256 = g.sha256;

-- name: note_followed_duplicates
-- One row per arrival of a followed file that brought nothing new, and whose content is complete and known already.
-- Parameter: rows (JSON; content: the hash of the complete file).
UPDATE scorekeeper.file_arrival AS a
SET outcome = 'duplicate'
FROM json_to_recordset(cast(:rows AS json)) AS g (name text, sha256 bytea, content bytea)
INNER JOIN scorekeeper.decision_file AS f ON g.content = f.sha256 AND f.finished_at IS NOT NULL
WHERE a.name = g.name AND a.sha256 = g.sha256 AND a.moved_at IS NULL AND a.outcome = 'ingested' AND a.decisions = 0;

-- name: end_followed_files
-- One row per followed file whose content is gone: removed, truncated or rewritten. What was read of it stays.
-- Parameter: rows (JSON).
WITH given AS (
    SELECT g.sha256, g.at, count(r.sha256) AS refused
    FROM json_to_recordset(cast(:rows AS json)) AS g (sha256 bytea, at timestamptz)
    LEFT JOIN scorekeeper.rejection AS r ON g.sha256 = r.sha256
    GROUP BY g.sha256, g.at
),
gone AS (
    DELETE FROM scorekeeper.followed_file AS o
    USING given AS g
    WHERE o.sha256 = g.sha256
),
ended AS (
    UPDATE scorekeeper.file_arrival AS a
    SET
        outcome = CASE WHEN g.refused > 0 THEN 'quarantined' ELSE 'ingested' END,
        destination = null,
        moved_at = g.at
    FROM given AS g
    WHERE a.sha256 = g.sha256 AND a.moved_at IS NULL
)
UPDATE scorekeeper.decision_file AS f
SET finished_at = g.at
FROM given AS g
WHERE f.sha256 = g.sha256;

-- name: delete_followed_files
-- One row per followed file that is complete now: its content has a hash of its own. Parameter: rows (JSON).
WITH given AS (
    SELECT g.sha256 FROM json_to_recordset(cast(:rows AS json)) AS g (sha256 bytea)
),
gone AS (
    DELETE FROM scorekeeper.followed_file AS o
    USING given AS g
    WHERE o.sha256 = g.sha256
)
DELETE FROM scorekeeper.decision_file AS f
USING given AS g
WHERE f.sha256 = g.sha256;

-- name: select_archive_look
-- At most one row: when all files that were moved in the last days were last looked at.
SELECT looked_at FROM scorekeeper.archive_look;

-- name: note_archive_look
-- One row: when all files that were moved in the last days were looked at. Parameter: at.
INSERT INTO scorekeeper.archive_look (looked_at) VALUES (:at)
ON CONFLICT (only_row) DO UPDATE SET looked_at = excluded.looked_at;
