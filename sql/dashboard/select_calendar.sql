-- At most one row: the calendar of the market (null: it never closes).
SELECT t.calendar
FROM scorekeeper.report_terms AS t;
