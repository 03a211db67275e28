-- One row per published file: none of them is known any more, since the lines are others now. Called by publish.
UPDATE scorekeeper.publication
SET published_line_no = 0, committed_bytes = 0, tail_sha256 = null;
