-- One row per arrival of a content that has grown; what was in it has been read, and its file goes on as a longer one.
-- Parameter: rows (JSON).
UPDATE scorekeeper.file_arrival AS a
SET
    outcome = CASE a.outcome WHEN 'reading' THEN 'ingested' ELSE a.outcome END,
    destination = null,
    moved_at = g.at
FROM json_to_recordset(cast(:rows AS json)) AS g (name text, before bytea, at timestamptz)
WHERE a.name = g.name AND a.sha256 = g.before AND a.moved_at IS NULL;
