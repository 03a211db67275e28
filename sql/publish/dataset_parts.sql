-- name: select_dataset_parts
-- One row per file of a dataset in Parquet, in order. Parameter: path.
SELECT p.month, p.part_no, p.row_count, p.first_line_no, p.last_line_no, p.size_bytes, p.sha256
FROM scorekeeper.dataset_part AS p
WHERE p.path = :path
ORDER BY p.month, p.part_no;


-- name: store_dataset_part
-- One row: a file of a dataset in Parquet, new or grown.
-- Parameters: path, month, part_no, row_count, first_line_no, last_line_no, size_bytes, sha256.
INSERT INTO scorekeeper.dataset_part
(path, month, part_no, row_count, first_line_no, last_line_no, size_bytes, sha256)
VALUES (:path, :month, :part_no, :row_count, :first_line_no, :last_line_no, :size_bytes, :sha256)
ON CONFLICT (path, month, part_no) DO UPDATE SET
    row_count = excluded.row_count, last_line_no = excluded.last_line_no, size_bytes = excluded.size_bytes,
    sha256 = excluded.sha256;


-- name: forget_dataset_parts
-- One row per file of a dataset in Parquet: forgets it. Parameter: path.
DELETE FROM scorekeeper.dataset_part
WHERE path = :path;
