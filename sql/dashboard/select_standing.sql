-- One row: where things stand, in numbers, each counted up to `most` (null: all are counted); closed trades as they are
-- scored, without suspect and voided ones. Parameter: most.
WITH decided AS (
    SELECT 1 AS one FROM scorekeeper.report_decisions
    ORDER BY one LIMIT :most
),
living AS (
    SELECT 1 AS one FROM scorekeeper.report_decisions AS d
    WHERE d.opened_trade AND d.exit_time IS NULL
    ORDER BY one LIMIT :most
),
refused AS (
    SELECT 1 AS one FROM scorekeeper.report_rejections
    ORDER BY one LIMIT :most
),
noted AS (
    SELECT 1 AS one FROM scorekeeper.report_notes
    ORDER BY one LIMIT :most
)
SELECT
    s.market, s.last_as_of, s.analysed_at, s.candles_from, s.stale_days,
    clock_timestamp() AS database_now, current_setting('server_version') AS server_version,
    (SELECT count(*) FROM decided) AS decisions,
    (SELECT count(*) FROM living) AS open_trades,
    (
        SELECT coalesce(sum(p.trades), 0) FROM scorekeeper.report_daily_pieces AS p
        WHERE p.version IS NULL AND p.symbol IS NULL AND NOT p.after_fees
    ) AS closed_trades,
    (SELECT count(*) FROM refused) AS rejections,
    (SELECT count(*) FROM noted) AS notes,
    (SELECT count(*) FROM scorekeeper.report_unread_words) AS unread_words,
    -- Each of them is looked at: only where all is counted.
    CASE
        WHEN cast(:most AS bigint) IS NULL
            THEN (
                SELECT count(*) FROM scorekeeper.report_exit_requests AS e
                WHERE e.closed_nothing AND NOT e.opens_trade
            )
        ELSE 0
    END AS idle_exits,
    exists(
        SELECT 1 FROM scorekeeper.report_decisions AS d
        WHERE d.horizon_known_at IS NULL
    ) AS waits,
    CASE
        WHEN s.last_as_of IS NULL THEN (SELECT min(d.received_at) FROM scorekeeper.report_decisions AS d)
    END AS untracked_since
FROM scorekeeper.report_status AS s;
