-- One row per arrival of a content that was read to its end under another name.
-- Parameter: rows (JSON).
UPDATE scorekeeper.file_arrival AS a
SET outcome = 'ingested', moved_at = g.at
FROM json_to_recordset(cast(:rows AS json)) AS g (name text, sha256 bytea, at timestamptz)
WHERE a.name = g.name AND a.sha256 = g.sha256 AND a.outcome = 'reading' AND a.moved_at IS NULL;
