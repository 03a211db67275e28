DROP VIEW scorekeeper.report_terms;
ALTER TABLE scorekeeper.market DROP COLUMN calendar;
