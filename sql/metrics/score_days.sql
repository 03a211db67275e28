-- One row per UTC exit day, scope (all, version, symbol, both) and basis (gross, after fees), for the given days.
-- Doubles become numeric through text: a direct cast keeps 15 digits only. Exact sums do not depend on the order.
-- One step of the path per exit_time: those that close at once see the same running sum.
-- Parameters: days (date array), since and until (their first moment and their end: of an array the planner knows
-- nothing, and reads whole tables), as_of (what closed later counts nowhere yet).
INSERT INTO scorekeeper.daily_score (
    day, version, symbol, after_fees, trades, winners, losers, sum_pct, sum_squares, sum_winners_pct, sum_losers_pct,
    hold_seconds, hold_seconds_winners, hold_seconds_losers, sum_mfe_pct, sum_mae_pct, sum_given_back_pct,
    path_high_pct, path_high_at, path_low_pct, path_fall_pct, first_exit_at,
    leading_wins, trailing_wins, longest_wins, leading_losses, trailing_losses, longest_losses
)
WITH counted AS (
    SELECT
        d.day, s.version, s.symbol, b.after_fees, t.trade_id, t.exit_time,
        cast(cast(b.pnl AS text) AS numeric) AS pnl,
        sign(b.pnl) AS way,
        extract(EPOCH FROM t.exit_time - t.opened_at) AS held,
        cast(cast(t.mfe_pct AS text) AS numeric) AS mfe,
        cast(cast(t.mae_pct AS text) AS numeric) AS mae
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
),
numbered AS (
    SELECT
        *, sum(pnl) OVER (PARTITION BY day, version, symbol, after_fees ORDER BY exit_time) AS running,
        row_number() OVER (PARTITION BY day, version, symbol, after_fees ORDER BY exit_time, trade_id) AS place
    FROM counted
),
paths AS (
    SELECT
        *,
        greatest(0, max(running) OVER (PARTITION BY day, version, symbol, after_fees ORDER BY exit_time)) - running
            AS fall,
        place - coalesce(max(place) FILTER (WHERE way <= 0) OVER in_order, 0) AS wins,
        place - coalesce(max(place) FILTER (WHERE way >= 0) OVER in_order, 0) AS losses
    FROM numbered
    WINDOW in_order AS (PARTITION BY day, version, symbol, after_fees ORDER BY exit_time, trade_id)
)
SELECT
    day, version, symbol, after_fees,
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
GROUP BY day, version, symbol, after_fees;
