-- One row: what changes with all that a page could show.
SELECT s.token
FROM scorekeeper.report_status AS s;
