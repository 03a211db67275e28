-- One row: the highest line number given.
SELECT coalesce(max(line_no), 0) FROM scorekeeper.event;
