-- One row per arrival that was read whole, and whose file is not known to have left the inbox.
SELECT name, sha256, destination
FROM scorekeeper.file_arrival
WHERE moved_at IS NULL AND outcome <> 'reading' AND destination IS NOT NULL;
