-- One row: where things stand.
SELECT
    (SELECT m.name FROM scorekeeper.market AS m) AS market,
    (SELECT m.last_as_of FROM scorekeeper.market AS m) AS last_as_of,
    (SELECT count(*) FROM scorekeeper.decision) AS decisions,
    (
        SELECT count(*) FROM scorekeeper.trade AS t
        WHERE t.exit_time IS NULL
    ) AS open_trades,
    (
        SELECT count(*) FROM scorekeeper.trade AS t
        WHERE t.exit_time IS NOT NULL
    ) AS closed_trades,
    (
        SELECT count(*) FROM scorekeeper.report_exit_requests AS e
        WHERE e.closed_nothing AND NOT e.opens_trade
    ) AS idle_exits,
    (SELECT count(*) FROM scorekeeper.rejection) AS rejections;
