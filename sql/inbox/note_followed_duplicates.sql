-- One row per arrival of a followed file that brought nothing, and whose content, whole now, is known already.
-- Parameter: rows (JSON; content: the hash of the whole).
UPDATE scorekeeper.file_arrival AS a
SET outcome = 'duplicate'
FROM json_to_recordset(cast(:rows AS json)) AS g (name text, sha256 bytea, content bytea)
INNER JOIN scorekeeper.decision_file AS f ON g.content = f.sha256 AND f.finished_at IS NOT NULL
WHERE a.name = g.name AND a.sha256 = g.sha256 AND a.moved_at IS NULL AND a.outcome = 'ingested' AND a.decisions = 0;
