DROP FUNCTION scorekeeper.delete_decisions(integer);
ALTER TABLE scorekeeper.file_arrival DROP COLUMN deleted_decisions;
ALTER TABLE scorekeeper.publication DROP COLUMN begins_after;
DROP VIEW scorekeeper.report_retention;
DROP TABLE scorekeeper.kept_lines, scorekeeper.retention;
DROP INDEX scorekeeper.decision_longer;
