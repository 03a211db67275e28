-- One row per file of lines that was moved since a moment, and where to; the latest first. Parameters: since, most.
SELECT DISTINCT ON (a.moved_at, a.destination)
    a.name, a.sha256, a.destination, f.size_bytes, f.committed_offset, f.committed_lines
FROM scorekeeper.file_arrival AS a
INNER JOIN scorekeeper.decision_file AS f ON a.sha256 = f.sha256
WHERE a.destination ~* '\.(jsonl|ndjson|jsonlines)$' AND a.moved_at IS NOT NULL AND a.moved_at >= :since
ORDER BY a.moved_at DESC, a.destination ASC
LIMIT :most;
