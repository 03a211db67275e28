-- One row per condition that holds, the oldest first, at most `most`. Parameter: most.
SELECT a.name, a.subject, a.begun_at
FROM scorekeeper.report_alerts AS a
ORDER BY a.begun_at, a.name, a.subject
LIMIT :most;
