-- At most one row: the last track; null before the first.
SELECT m.last_as_of
FROM scorekeeper.report_market AS m;
