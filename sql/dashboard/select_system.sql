-- One row: where one system stands, for the page over all of them; its score as composed last (null: none yet).
SELECT
    s.last_as_of, s.market, c.answer,
    (SELECT count(*) FROM scorekeeper.report_alerts) AS alerts
FROM scorekeeper.report_status AS s
LEFT JOIN scorekeeper.report_scorecards AS c ON c.version IS NULL;
