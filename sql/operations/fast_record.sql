-- name: select_publication_ends
-- One row per published file: the line and the byte of its watermark. Parameter: paths (text array).
SELECT path, published_line_no, committed_bytes
FROM scorekeeper.publication
WHERE path = any(:paths);


-- name: lock_publisher
-- One row: whether this transaction holds the publisher's lock, because no process publishes. Parameter: lock.
SELECT pg_try_advisory_xact_lock(cast(:lock AS bigint)) AS is_held;


-- name: unlock_publisher
-- One row: releases the publisher's lock; whether this session held it. Parameter: lock.
SELECT pg_advisory_unlock(cast(:lock AS bigint)) AS was_held;
