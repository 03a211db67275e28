-- One row: a file's new watermark. Parameters: path, line_no, bytes, tail.
UPDATE scorekeeper.publication
SET published_line_no = :line_no, committed_bytes = :bytes, tail_sha256 = :tail
WHERE path = :path;
