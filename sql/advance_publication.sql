-- One row: a file's new watermark. Parameters: path, line_no, bytes, tail. Called by publish, after the fsync.
UPDATE scorekeeper.publication
SET published_line_no = :line_no, committed_bytes = :bytes, tail_sha256 = :tail
WHERE path = :path;
