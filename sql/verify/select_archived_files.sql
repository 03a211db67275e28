-- One row per content and name of which everything came in, where the file was moved to, and how great it was then.
SELECT DISTINCT ON (a.destination) a.name, a.sha256, a.destination, f.size_bytes
FROM scorekeeper.file_arrival AS a
INNER JOIN scorekeeper.decision_file AS f ON a.sha256 = f.sha256
WHERE a.outcome IN ('ingested', 'duplicate') AND a.moved_at IS NOT NULL AND a.destination IS NOT NULL
ORDER BY a.destination;
