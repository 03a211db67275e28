-- One row per followed file whose content is gone: removed, cut to nothing or written anew by somebody. What was read
-- of it stays. Parameter: rows (JSON).
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
