-- name: select_kept_lines
-- One row per stretch of lines of a kind that only the files hold, in order: its last line, the length of a whole file
-- up to there, and the hash of its bytes. Parameter: kind.
SELECT until_line_no, until_bytes, sha256
FROM scorekeeper.kept_lines
WHERE kind = :kind
ORDER BY until_line_no;


-- name: select_last_kept
-- One row: the last line that only the files hold, or 0.
SELECT coalesce(max(until_line_no), 0) FROM scorekeeper.kept_lines;


-- name: insert_kept_lines
-- One row: a further stretch. Parameters: kind, until_line_no, until_bytes, sha256.
INSERT INTO scorekeeper.kept_lines (kind, until_line_no, until_bytes, sha256)
VALUES (:kind, :until_line_no, :until_bytes, :sha256);


-- name: begin_after
-- One row: a file begins after a line from now on. Parameters: path, line_no.
UPDATE scorekeeper.publication
SET begins_after = :line_no
WHERE path = :path;
