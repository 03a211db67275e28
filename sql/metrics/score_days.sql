-- One row per UTC exit day, scope (all, version, symbol, both) and basis (gross, after fees), for the given days.
-- Parameters: days (date array), since and until (the start of the first day and the end of the last: of an array the
-- planner knows nothing, and would read whole tables), as_of (a trade that closed later does not count yet).
INSERT INTO scorekeeper.daily_score (
    day, version, symbol, after_fees, trades, winners, losers, sum_pct, sum_squares, sum_winners_pct, sum_losers_pct,
    hold_seconds, hold_seconds_winners, hold_seconds_losers, sum_mfe_pct, sum_mae_pct, sum_given_back_pct,
    path_high_pct, path_high_at, path_low_pct, path_fall_pct, first_exit_at,
    leading_wins, trailing_wins, longest_wins, leading_losses, trailing_losses, longest_losses
)
WITH counted AS ( -- noqa: ST03
    SELECT
        d.day, s.version, s.symbol, cast(null AS text) AS group_value, b.after_fees, t.trade_id, t.opened_at,
        t.exit_time, b.pnl, t.mfe_pct, t.mae_pct
    FROM unnest(cast(:days AS date[])) AS d (day)
    INNER JOIN scorekeeper.trade AS t
        ON
            t.exit_time >= cast(d.day AS timestamp) AT TIME ZONE 'UTC'
            AND t.exit_time < cast(d.day + 1 AS timestamp) AT TIME ZONE 'UTC'
            AND t.exit_time <= :as_of
            AND t.exit_time >= cast(:since AS timestamptz) AND t.exit_time < cast(:until AS timestamptz)
    INNER JOIN scorekeeper.decision AS n
        ON t.trade_id = n.trade_id AND n.voided_at IS NULL AND n.price_suspect IS NOT TRUE
    CROSS JOIN
        LATERAL (VALUES (null, null), (t.version, null), (null, t.symbol), (t.version, t.symbol)) AS s (version, symbol)
    CROSS JOIN LATERAL (VALUES (false, t.pnl_pct), (true, t.net_pnl_pct)) AS b (after_fees, pnl)
)
-- with summed: metrics/sum_counted_trades
SELECT
    day, version, symbol, after_fees, trades, winners, losers, sum_pct, sum_squares, sum_winners_pct, sum_losers_pct,
    hold_seconds, hold_seconds_winners, hold_seconds_losers, sum_mfe_pct, sum_mae_pct, sum_given_back_pct,
    path_high_pct, path_high_at, path_low_pct, path_fall_pct, first_exit_at,
    leading_wins, trailing_wins, longest_wins, leading_losses, trailing_losses, longest_losses
FROM summed;
