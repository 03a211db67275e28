-- One row: the last track; null before the first.
SELECT s.last_as_of
FROM scorekeeper.report_status AS s;
