-- One row per group of a breakdown (by; null: the whole), basis (gross, after fees) and UTC exit day: the columns of
-- daily_score, counted from the trades of a scope (null: all) that closed in [since, until) (null: no limit) and not
-- after `at` (null: no limit).
-- Parameters: version, symbol, since, until, include_suspect, exclude_late, by, at, zone (of weekday and hour).
WITH counted AS ( -- noqa: ST03
    SELECT
        cast(t.exit_time AT TIME ZONE 'UTC' AS date) AS day,
        cast(null AS text) AS version, cast(null AS text) AS symbol,
        CASE cast(:by AS text)
            WHEN 'symbol' THEN n.symbol
            WHEN 'interval' THEN n.bar_interval
            WHEN 'side' THEN CASE n.direction WHEN 1 THEN 'long' ELSE 'short' END
            WHEN 'exit_reason' THEN t.exit_reason
            WHEN 'version' THEN n.version
            WHEN 'confidence'
                THEN cast(width_bucket(n.confidence, ARRAY[10, 20, 30, 40, 50, 60, 70, 80, 90]) AS text)
            WHEN 'weekday' THEN to_char(n.opened_at AT TIME ZONE cast(:zone AS text), 'ID')
            WHEN 'hour' THEN to_char(n.opened_at AT TIME ZONE cast(:zone AS text), 'HH24')
        END AS group_value,
        b.after_fees, t.trade_id, t.opened_at, t.exit_time, b.pnl, t.mfe_pct, t.mae_pct
    FROM scorekeeper.trade AS t
    INNER JOIN scorekeeper.decision AS n ON t.trade_id = n.trade_id
    CROSS JOIN LATERAL (VALUES (false, t.pnl_pct), (true, t.net_pnl_pct)) AS b (after_fees, pnl)
    WHERE
        t.exit_time IS NOT NULL AND n.voided_at IS NULL
        AND (cast(:include_suspect AS boolean) OR n.price_suspect IS NOT TRUE)
        AND NOT (cast(:exclude_late AS boolean) AND n.late)
        AND (cast(:version AS text) IS NULL OR t.version = :version)
        AND (cast(:symbol AS text) IS NULL OR t.symbol = :symbol)
        AND (cast(:since AS timestamptz) IS NULL OR t.exit_time >= :since)
        AND (cast(:until AS timestamptz) IS NULL OR t.exit_time < :until)
        AND (cast(:at AS timestamptz) IS NULL OR t.exit_time <= :at)
)
-- with summed: metrics/sum_counted_trades
SELECT
    group_value, after_fees, day, trades, winners, losers, sum_pct, sum_squares, sum_winners_pct, sum_losers_pct,
    hold_seconds, hold_seconds_winners, hold_seconds_losers, sum_mfe_pct, sum_mae_pct, sum_given_back_pct,
    path_high_pct, path_high_at, path_low_pct, path_fall_pct, first_exit_at,
    leading_wins, trailing_wins, longest_wins, leading_losses, trailing_losses, longest_losses
FROM summed
ORDER BY group_value, after_fees, day;
