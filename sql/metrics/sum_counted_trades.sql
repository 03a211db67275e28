-- One row per UTC exit day, scope (version, symbol; null: all), group of a breakdown and basis (gross, after fees) of
-- the CTE counted: the columns of daily_score. Rollups and selections share it.
-- The CTE counted has one row per closed trade, scope and basis: day, version, symbol, group_value, after_fees,
-- trade_id, opened_at, exit_time, pnl, mfe_pct, mae_pct.
-- Doubles become numeric through text: a direct cast keeps 15 digits only. Exact sums do not depend on the order.
-- The path takes one step per exit_time: trades that close at the same time see the same running sum.
WITH exact AS (
    SELECT
        day, version, symbol, group_value, after_fees, trade_id, exit_time,
        cast(cast(pnl AS text) AS numeric) AS pnl,
        sign(pnl) AS way,
        extract(EPOCH FROM exit_time - opened_at) AS held,
        cast(cast(mfe_pct AS text) AS numeric) AS mfe,
        cast(cast(mae_pct AS text) AS numeric) AS mae
    FROM counted
),
numbered AS (
    SELECT
        *, sum(pnl) OVER (PARTITION BY day, version, symbol, group_value, after_fees ORDER BY exit_time) AS running,
        row_number()
            OVER (PARTITION BY day, version, symbol, group_value, after_fees ORDER BY exit_time, trade_id)
            AS place
    FROM exact
),
paths AS (
    SELECT
        *,
        greatest(
            0, max(running) OVER (PARTITION BY day, version, symbol, group_value, after_fees ORDER BY exit_time)
        ) - running AS fall,
        place - coalesce(max(place) FILTER (WHERE way <= 0) OVER in_order, 0) AS wins,
        place - coalesce(max(place) FILTER (WHERE way >= 0) OVER in_order, 0) AS losses
    FROM numbered
    WINDOW in_order AS (PARTITION BY day, version, symbol, group_value, after_fees ORDER BY exit_time, trade_id)
)
SELECT
    day, version, symbol, group_value, after_fees,
    count(*) AS trades,
    count(*) FILTER (WHERE way > 0) AS winners,
    count(*) FILTER (WHERE way < 0) AS losers,
    sum(pnl) AS sum_pct,
    sum(pnl * pnl) AS sum_squares,
    coalesce(sum(pnl) FILTER (WHERE way > 0), 0) AS sum_winners_pct,
    coalesce(sum(pnl) FILTER (WHERE way < 0), 0) AS sum_losers_pct,
    sum(held) AS hold_seconds,
    coalesce(sum(held) FILTER (WHERE way > 0), 0) AS hold_seconds_winners,
    coalesce(sum(held) FILTER (WHERE way < 0), 0) AS hold_seconds_losers,
    sum(mfe) AS sum_mfe_pct,
    sum(mae) AS sum_mae_pct,
    coalesce(sum(mfe - pnl) FILTER (WHERE way > 0), 0) AS sum_given_back_pct,
    max(running) AS path_high_pct,
    (array_agg(exit_time ORDER BY running DESC, exit_time DESC))[1] AS path_high_at,
    min(running) AS path_low_pct,
    max(fall) AS path_fall_pct,
    min(exit_time) AS first_exit_at,
    coalesce(min(place) FILTER (WHERE way <= 0) - 1, count(*)) AS leading_wins,
    count(*) - coalesce(max(place) FILTER (WHERE way <= 0), 0) AS trailing_wins,
    max(wins) AS longest_wins,
    coalesce(min(place) FILTER (WHERE way >= 0) - 1, count(*)) AS leading_losses,
    count(*) - coalesce(max(place) FILTER (WHERE way >= 0), 0) AS trailing_losses,
    max(losses) AS longest_losses
FROM paths
GROUP BY day, version, symbol, group_value, after_fees;
