-- One row: the highest line number given. Called by publish.
SELECT coalesce(max(line_no), 0) FROM scorekeeper.event;
