-- One row per UTC exit day, scope (all, version, symbol, both) and basis (gross, after fees), for the given days.
-- Parameters: days (date array), since and until (the start of the first day and the end of the last; between them few
-- other days may lie, since their trades are read too), as_of (a trade that closed later does not count yet).
-- A trade says its day itself. Joined with the array, each trade would be compared with each day.
INSERT INTO scorekeeper.daily_score (
    day, version, symbol, after_fees, trades, winners, losers, sum_pct, sum_squares, sum_winners_pct, sum_losers_pct,
    hold_seconds, hold_seconds_winners, hold_seconds_losers, sum_mfe_pct, sum_mae_pct, sum_given_back_pct,
    path_high_pct, path_high_at, path_low_pct, path_fall_pct, first_exit_at,
    leading_wins, trailing_wins, longest_wins, leading_losses, trailing_losses, longest_losses
)
WITH closed AS (
    SELECT
        x.trade_id, x.version, x.symbol, x.opened_at, x.exit_time, x.pnl_pct, x.net_pnl_pct, x.mfe_pct, x.mae_pct,
        cast(x.exit_time AT TIME ZONE 'UTC' AS date) AS day
    FROM scorekeeper.trade AS x
    WHERE
        x.exit_time >= cast(:since AS timestamptz) AND x.exit_time < cast(:until AS timestamptz)
        AND x.exit_time <= :as_of
),
counted AS ( -- noqa: ST03
    SELECT
        t.day, s.version, s.symbol, cast(null AS text) AS group_value, b.after_fees, t.trade_id, t.opened_at,
        t.exit_time, b.pnl, t.mfe_pct, t.mae_pct
    FROM closed AS t
    INNER JOIN scorekeeper.decision AS n
        ON t.trade_id = n.trade_id AND n.voided_at IS NULL AND n.price_suspect IS NOT TRUE
    CROSS JOIN
        LATERAL (VALUES (null, null), (t.version, null), (null, t.symbol), (t.version, t.symbol)) AS s (version, symbol)
    CROSS JOIN LATERAL (VALUES (false, t.pnl_pct), (true, t.net_pnl_pct)) AS b (after_fees, pnl)
    WHERE t.day = any(cast(:days AS date[]))
)
-- with summed: metrics/sum_counted_trades
SELECT
    day, version, symbol, after_fees, trades, winners, losers, sum_pct, sum_squares, sum_winners_pct, sum_losers_pct,
    hold_seconds, hold_seconds_winners, hold_seconds_losers, sum_mfe_pct, sum_mae_pct, sum_given_back_pct,
    path_high_pct, path_high_at, path_low_pct, path_fall_pct, first_exit_at,
    leading_wins, trailing_wins, longest_wins, leading_losses, trailing_losses, longest_losses
FROM summed;
