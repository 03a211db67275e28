DROP VIEW scorekeeper.report_waiting_files;
DROP VIEW scorekeeper.report_publications;
DROP VIEW scorekeeper.report_activity;
DROP TABLE scorekeeper.activity;
