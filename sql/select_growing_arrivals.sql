-- One row per arrival that has not left the inbox: a file of lines may have grown since. Parameter: names (text array).
-- Called by ingest.
SELECT
    a.name, f.sha256, f.size_bytes, f.committed_offset, f.committed_lines,
    (
        SELECT count(*) FROM scorekeeper.rejection AS r
        WHERE r.sha256 = f.sha256
    ) AS refused
FROM scorekeeper.file_arrival AS a
INNER JOIN scorekeeper.decision_file AS f ON a.sha256 = f.sha256
WHERE a.moved_at IS NULL AND a.name = any(cast(:names AS text[]))
ORDER BY f.size_bytes;
