-- One row per part of a breakdown (by; null: the whole), basis (gross, after fees) and UTC exit day: what
-- daily_score holds, from the rows, of a scope (null: all) and of trades that closed in [since, until) (null: no
-- limit), and not after `at` (null: no limit). A part is an array at first, for in one null equals null. The same as
-- score_days but for its parts: change both.
-- Parameters: version, symbol, since, until, include_suspect, exclude_late, by, at. Called by score.
WITH counted AS (
    SELECT
        ARRAY[CASE cast(:by AS text)
            WHEN 'symbol' THEN n.symbol
            WHEN 'interval' THEN n.bar_interval
            WHEN 'side' THEN CASE n.direction WHEN 1 THEN 'long' ELSE 'short' END
            WHEN 'exit_reason' THEN t.exit_reason
            WHEN 'version' THEN n.version
            WHEN 'confidence'
                THEN cast(width_bucket(n.confidence, ARRAY[10, 20, 30, 40, 50, 60, 70, 80, 90]) AS text)
            WHEN 'weekday' THEN to_char(n.opened_at AT TIME ZONE 'UTC', 'ID')
            WHEN 'hour' THEN to_char(n.opened_at AT TIME ZONE 'UTC', 'HH24')
        END] AS part,
        b.after_fees, cast(t.exit_time AT TIME ZONE 'UTC' AS date) AS day, t.trade_id, t.exit_time,
        cast(cast(b.pnl AS text) AS numeric) AS pnl,
        sign(b.pnl) AS way,
        extract(EPOCH FROM t.exit_time - t.opened_at) AS held,
        cast(cast(t.mfe_pct AS text) AS numeric) AS mfe,
        cast(cast(t.mae_pct AS text) AS numeric) AS mae
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
),
sums AS (
    SELECT
        part, after_fees, day,
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
    GROUP BY part, after_fees, day
),
steps AS (
    SELECT
        part, after_fees, day, exit_time,
        sum(sum(pnl)) OVER (PARTITION BY part, after_fees, day ORDER BY exit_time) AS running
    FROM counted
    GROUP BY part, after_fees, day, exit_time
),
falls AS (
    SELECT
        *,
        greatest(0, max(running) OVER (PARTITION BY part, after_fees, day ORDER BY exit_time)) - running
            AS fall
    FROM steps
),
paths AS (
    SELECT
        part, after_fees, day,
        max(running) AS path_high_pct,
        (array_agg(exit_time ORDER BY running DESC, exit_time DESC))[1] AS path_high_at,
        min(running) AS path_low_pct, max(fall) AS path_fall_pct
    FROM falls
    GROUP BY part, after_fees, day
),
places AS (
    SELECT
        part, after_fees, day, way,
        row_number() OVER (PARTITION BY part, after_fees, day ORDER BY exit_time, trade_id) AS place,
        row_number() OVER (PARTITION BY part, after_fees, day, way ORDER BY exit_time, trade_id) AS of_way
    FROM counted
),
runs AS (
    SELECT
        part, after_fees, day, way, count(*) AS length, min(place) AS starts, max(place) AS ends
    FROM places
    GROUP BY part, after_fees, day, way, place - of_way
),
streaks AS (
    SELECT
        r.part, r.after_fees, r.day,
        coalesce(max(length) FILTER (WHERE way > 0 AND starts = 1), 0) AS leading_wins,
        coalesce(max(length) FILTER (WHERE way > 0 AND ends = s.trades), 0) AS trailing_wins,
        coalesce(max(length) FILTER (WHERE way > 0), 0) AS longest_wins,
        coalesce(max(length) FILTER (WHERE way < 0 AND starts = 1), 0) AS leading_losses,
        coalesce(max(length) FILTER (WHERE way < 0 AND ends = s.trades), 0) AS trailing_losses,
        coalesce(max(length) FILTER (WHERE way < 0), 0) AS longest_losses
    FROM runs AS r
    INNER JOIN sums AS s
        ON (r.part, r.after_fees, r.day) = (s.part, s.after_fees, s.day)
    GROUP BY r.part, r.after_fees, r.day
)
SELECT
    s.part[1] AS part, s.after_fees, s.day, s.trades, s.winners, s.losers, s.sum_pct, s.sum_squares,
    s.sum_winners_pct, s.sum_losers_pct, s.hold_seconds, s.hold_seconds_winners, s.hold_seconds_losers,
    s.sum_mfe_pct, s.sum_mae_pct, s.sum_given_back_pct,
    p.path_high_pct, p.path_high_at, p.path_low_pct, p.path_fall_pct, s.first_exit_at,
    k.leading_wins, k.trailing_wins, k.longest_wins, k.leading_losses, k.trailing_losses, k.longest_losses
FROM sums AS s
INNER JOIN paths AS p
    ON (s.part, s.after_fees, s.day) = (p.part, p.after_fees, p.day)
INNER JOIN streaks AS k
    ON (s.part, s.after_fees, s.day) = (k.part, k.after_fees, k.day)
ORDER BY part, s.after_fees, s.day;
