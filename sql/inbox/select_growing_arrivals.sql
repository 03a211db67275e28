-- One row per arrival that has not left the inbox, and is not followed by its inode: a file of lines may have grown
-- since. Parameter: names (text array).
SELECT
    a.name, f.sha256, f.size_bytes, f.committed_offset, f.committed_lines,
    (
        SELECT count(*) FROM scorekeeper.rejection AS r
        WHERE r.sha256 = f.sha256
    ) AS refused
FROM scorekeeper.file_arrival AS a
INNER JOIN scorekeeper.decision_file AS f ON a.sha256 = f.sha256
WHERE
    a.moved_at IS NULL AND a.name = any(cast(:names AS text[]))
    AND NOT EXISTS (
        SELECT 1 FROM scorekeeper.followed_file AS o
        WHERE o.sha256 = a.sha256
    )
ORDER BY f.size_bytes;
