-- One row per part of a breakdown (by; null: the whole), basis (gross, after fees) and UTC exit day: what
-- report_daily_pieces holds, from the rows. It reads what a reader may read, as of a moment.
-- Parameters: those of trades_by_part.
-- with chosen: dashboard/trades_by_part
WITH counted AS ( -- noqa: ST03
    SELECT
        cast(c.exit_time AT TIME ZONE 'UTC' AS date) AS day,
        cast(null AS text) AS version, cast(null AS text) AS symbol, c.part AS group_value,
        b.after_fees, c.trade_id, c.opened_at, c.exit_time, b.pnl, c.mfe_pct, c.mae_pct
    FROM chosen AS c
    CROSS JOIN LATERAL (VALUES (false, c.pnl_pct), (true, c.net_pnl_pct)) AS b (after_fees, pnl)
)
-- with summed: metrics/sum_counted_trades
SELECT
    group_value AS part, after_fees, day, trades, winners, losers, sum_pct, sum_squares, sum_winners_pct,
    sum_losers_pct, hold_seconds, hold_seconds_winners, hold_seconds_losers, sum_mfe_pct, sum_mae_pct,
    sum_given_back_pct, path_high_pct, path_high_at, path_low_pct, path_fall_pct, first_exit_at,
    leading_wins, trailing_wins, longest_wins, leading_losses, trailing_losses, longest_losses
FROM summed
ORDER BY group_value, after_fees, day;
