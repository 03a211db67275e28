-- One row per UTC exit day, scope (all, version, symbol, both) and basis (gross, after fees), for the given days.
-- Doubles become numeric through text: a direct cast keeps 15 digits only. Exact sums do not depend on the order.
-- A scope is an array, for in one null equals null.
-- Parameters: days (date array), as_of (what closed later counts nowhere yet). Called by score.
INSERT INTO scorekeeper.daily_score (
    day, version, symbol, after_fees, trades, winners, losers, sum_pct, sum_squares, sum_winners_pct, sum_losers_pct,
    hold_seconds, hold_seconds_winners, hold_seconds_losers, sum_mfe_pct, sum_mae_pct, sum_given_back_pct,
    path_high_pct, path_high_at, path_low_pct, path_fall_pct, first_exit_at,
    leading_wins, trailing_wins, longest_wins, leading_losses, trailing_losses, longest_losses
)
WITH counted AS (
    SELECT
        d.day, ARRAY[s.version, s.symbol] AS scope, b.after_fees, t.trade_id, t.exit_time,
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
    INNER JOIN scorekeeper.decision AS n
        ON t.trade_id = n.trade_id AND n.voided_at IS NULL AND n.price_suspect IS NOT TRUE
    CROSS JOIN
        LATERAL (VALUES (null, null), (t.version, null), (null, t.symbol), (t.version, t.symbol)) AS s (version, symbol)
    CROSS JOIN LATERAL (VALUES (false, t.pnl_pct), (true, t.net_pnl_pct)) AS b (after_fees, pnl)
),
sums AS (
    SELECT
        day, scope, after_fees,
        count(*) AS trades, count(*) FILTER (WHERE way > 0) AS winners, count(*) FILTER (WHERE way < 0) AS losers,
        sum(pnl) AS sum_pct, sum(pnl * pnl) AS sum_squares,
        coalesce(sum(pnl) FILTER (WHERE way > 0), 0) AS sum_winners_pct,
        coalesce(sum(pnl) FILTER (WHERE way < 0), 0) AS sum_losers_pct,
        sum(held) AS hold_seconds,
        coalesce(sum(held) FILTER (WHERE way > 0), 0) AS hold_seconds_winners,
        coalesce(sum(held) FILTER (WHERE way < 0), 0) AS hold_seconds_losers,
        sum(mfe) AS sum_mfe_pct, sum(mae) AS sum_mae_pct,
        coalesce(sum(mfe - pnl) FILTER (WHERE way > 0), 0) AS sum_given_back_pct,
        min(exit_time) AS first_exit_at
    FROM counted
    GROUP BY day, scope, after_fees
),
steps AS (
    SELECT
        day, scope, after_fees, exit_time,
        sum(sum(pnl)) OVER (PARTITION BY day, scope, after_fees ORDER BY exit_time) AS running
    FROM counted
    GROUP BY day, scope, after_fees, exit_time
),
falls AS (
    SELECT
        *,
        greatest(0, max(running) OVER (PARTITION BY day, scope, after_fees ORDER BY exit_time)) - running
            AS fall
    FROM steps
),
paths AS (
    SELECT
        day, scope, after_fees,
        max(running) AS path_high_pct,
        (array_agg(exit_time ORDER BY running DESC, exit_time DESC))[1] AS path_high_at,
        min(running) AS path_low_pct, max(fall) AS path_fall_pct
    FROM falls
    GROUP BY day, scope, after_fees
),
places AS (
    SELECT
        day, scope, after_fees, way,
        row_number() OVER (PARTITION BY day, scope, after_fees ORDER BY exit_time, trade_id) AS place,
        row_number() OVER (PARTITION BY day, scope, after_fees, way ORDER BY exit_time, trade_id) AS of_way
    FROM counted
),
runs AS (
    SELECT
        day, scope, after_fees, way, count(*) AS length, min(place) AS starts, max(place) AS ends
    FROM places
    GROUP BY day, scope, after_fees, way, place - of_way
),
streaks AS (
    SELECT
        r.day, r.scope, r.after_fees,
        coalesce(max(length) FILTER (WHERE way > 0 AND starts = 1), 0) AS leading_wins,
        coalesce(max(length) FILTER (WHERE way > 0 AND ends = s.trades), 0) AS trailing_wins,
        coalesce(max(length) FILTER (WHERE way > 0), 0) AS longest_wins,
        coalesce(max(length) FILTER (WHERE way < 0 AND starts = 1), 0) AS leading_losses,
        coalesce(max(length) FILTER (WHERE way < 0 AND ends = s.trades), 0) AS trailing_losses,
        coalesce(max(length) FILTER (WHERE way < 0), 0) AS longest_losses
    FROM runs AS r
    INNER JOIN sums AS s
        ON (r.day, r.scope, r.after_fees) = (s.day, s.scope, s.after_fees)
    GROUP BY r.day, r.scope, r.after_fees
)
SELECT
    s.day, s.scope[1], s.scope[2], s.after_fees, s.trades, s.winners, s.losers, s.sum_pct, s.sum_squares,
    s.sum_winners_pct, s.sum_losers_pct, s.hold_seconds, s.hold_seconds_winners, s.hold_seconds_losers,
    s.sum_mfe_pct, s.sum_mae_pct, s.sum_given_back_pct,
    p.path_high_pct, p.path_high_at, p.path_low_pct, p.path_fall_pct, s.first_exit_at,
    k.leading_wins, k.trailing_wins, k.longest_wins, k.leading_losses, k.trailing_losses, k.longest_losses
FROM sums AS s
INNER JOIN paths AS p
    ON (s.day, s.scope, s.after_fees) = (p.day, p.scope, p.after_fees)
INNER JOIN streaks AS k
    ON (s.day, s.scope, s.after_fees) = (k.day, k.scope, k.after_fees);
