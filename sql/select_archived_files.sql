-- One row per content and name of which everything came in, and where the file was moved to. Called by reconcile.
SELECT DISTINCT ON (destination) name, sha256, destination
FROM scorekeeper.file_arrival
WHERE outcome IN ('ingested', 'duplicate') AND moved_at IS NOT NULL AND destination IS NOT NULL
ORDER BY destination;
