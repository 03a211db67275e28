-- One row per arrival that was not read to its end, of a content that has been: under another name, or it will be met
-- again.
SELECT a.name, a.sha256
FROM scorekeeper.file_arrival AS a
INNER JOIN scorekeeper.decision_file AS f ON a.sha256 = f.sha256
WHERE a.moved_at IS NULL AND a.outcome = 'reading' AND f.finished_at IS NOT NULL;
