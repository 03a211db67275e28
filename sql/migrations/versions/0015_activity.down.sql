CREATE OR REPLACE VIEW scorekeeper.report_coverage AS
SELECT c.symbol, c.sealed_from, c.sealed_until, p.kind AS trouble, p.says, p.noted_at
FROM scorekeeper.candle_coverage AS c
FULL JOIN scorekeeper.price_trouble AS p ON c.symbol = p.symbol COLLATE "default";
DROP VIEW scorekeeper.report_waiting_files;
DROP VIEW scorekeeper.report_publications;
DROP VIEW scorekeeper.report_activity;
DROP TABLE scorekeeper.activity;
