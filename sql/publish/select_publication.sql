-- One row, locked: how far a file has been published; made if there is none. Parameters: path, kind.
INSERT INTO scorekeeper.publication (path, kind)
VALUES (:path, :kind)
ON CONFLICT (path) DO UPDATE SET kind = excluded.kind
RETURNING published_line_no, committed_bytes, tail_sha256;
