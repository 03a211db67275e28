-- One row per published file of :paths (an array): up to which line, and which byte, it is for certain.
SELECT path, published_line_no, committed_bytes
FROM scorekeeper.publication
WHERE path = any(:paths);
