-- name: select_publication_ends
-- One row per published file of :paths (an array): up to which line, and which byte, it is for certain.
SELECT path, published_line_no, committed_bytes
FROM scorekeeper.publication
WHERE path = any(:paths);


-- name: unlock_publisher
-- One row: whether this session held the publisher's lock, which it has given back.
-- Parameter: lock.
SELECT pg_advisory_unlock(cast(:lock AS bigint)) AS was_held;
