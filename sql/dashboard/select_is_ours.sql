-- One row: whether the views are those that the dashboard reads.
SELECT to_regclass('scorekeeper.report_status') IS NOT NULL AS is_ours;
