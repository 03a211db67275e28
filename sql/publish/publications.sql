-- name: select_is_published
-- One row: whether this database publishes to a file. Parameter: path.
SELECT exists(
    SELECT 1 FROM scorekeeper.publication AS p
    WHERE p.path = :path
);


-- name: select_publication
-- One row, locked: the watermark of a file, which is created if there is none. A new file begins after the lines of
-- deleted decisions; a dataset in Parquet has the rows of all decisions that are there. Parameters: path, kind.
INSERT INTO scorekeeper.publication (path, kind, published_line_no, begins_after)
SELECT :path, :kind, k.published_line_no, k.published_line_no AS begins_after
FROM (
    SELECT coalesce(max(l.until_line_no) FILTER (WHERE :kind <> 'parquet'), 0) AS published_line_no
    FROM scorekeeper.kept_lines AS l
) AS k
ON CONFLICT (path) DO UPDATE SET kind = excluded.kind
RETURNING published_line_no, committed_bytes, tail_sha256, begins_after;


-- name: lock_publication
-- At most one row, locked: the watermark of a file or folder, if this database publishes to it. Parameter: path.
SELECT p.published_line_no FROM scorekeeper.publication AS p
WHERE p.path = :path
FOR UPDATE;


-- name: advance_publication
-- One row: sets a file's watermark. Parameters: path, line_no, bytes, tail.
UPDATE scorekeeper.publication
SET published_line_no = :line_no, committed_bytes = :bytes, tail_sha256 = :tail
WHERE path = :path;


-- name: forget_publications
-- One row per published file that is not among the given ones: its lines no longer fit, so a later publication sets it
-- aside. Parameter: paths (text array).
DELETE FROM scorekeeper.publication
WHERE path <> all(cast(:paths AS text[]));
