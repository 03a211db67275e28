-- One row per part of a breakdown (by; null: the whole), basis (gross, after fees) and UTC exit day: what
-- report_daily_pieces holds, from the rows, of trades that closed in [since, until) (null: no limit). The same as
-- count_days but for what a reader may read and for as_of.
-- Parameters: version, symbol (null: all), since, until, suspect, late (no, yes, only), as_of (null: now; else what a
-- track at that minute had closed), by.
WITH counted AS (
    SELECT
        CASE cast(:by AS text)
            WHEN 'symbol' THEN t.symbol
            WHEN 'interval' THEN t.bar_interval
            WHEN 'side' THEN t.side
            WHEN 'exit_reason' THEN t.exit_reason
            WHEN 'version' THEN t.version
            WHEN 'confidence'
                THEN cast(width_bucket(t.confidence, ARRAY[10, 20, 30, 40, 50, 60, 70, 80, 90]) AS text)
            WHEN 'weekday' THEN to_char(t.opened_at AT TIME ZONE 'UTC', 'ID')
            WHEN 'hour' THEN to_char(t.opened_at AT TIME ZONE 'UTC', 'HH24')
        END AS part,
        b.after_fees, cast(t.exit_time AT TIME ZONE 'UTC' AS date) AS day, t.trade_id, t.exit_time,
        cast(cast(b.pnl AS text) AS numeric) AS pnl,
        sign(b.pnl) AS way,
        extract(EPOCH FROM t.exit_time - t.opened_at) AS held,
        cast(cast(t.mfe_pct AS text) AS numeric) AS mfe,
        cast(cast(t.mae_pct AS text) AS numeric) AS mae
    FROM scorekeeper.report_trades AS t
    CROSS JOIN LATERAL (VALUES (false, t.pnl_pct), (true, t.net_pnl_pct)) AS b (after_fees, pnl)
    WHERE
        (:suspect = 'yes' OR t.price_suspect = (:suspect = 'only'))
        AND (:late = 'yes' OR t.late = (:late = 'only'))
        AND (cast(:version AS text) IS NULL OR t.version = :version)
        AND (cast(:symbol AS text) IS NULL OR t.symbol = :symbol)
        AND (cast(:since AS timestamptz) IS NULL OR t.exit_time >= :since)
        AND (cast(:until AS timestamptz) IS NULL OR t.exit_time < :until)
        AND (cast(:as_of AS timestamptz) IS NULL OR t.exit_time <= :as_of)
        AND (
            cast(:as_of AS timestamptz) IS NULL OR t.exit_time <= :as_of - interval '1 minute'
            OR t.closed_from <= :as_of
        )
),
numbered AS (
    SELECT
        *, sum(pnl) OVER (PARTITION BY part, after_fees, day ORDER BY exit_time) AS running,
        row_number() OVER (PARTITION BY part, after_fees, day ORDER BY exit_time, trade_id) AS place
    FROM counted
),
paths AS (
    SELECT
        *, greatest(0, max(running) OVER (PARTITION BY part, after_fees, day ORDER BY exit_time)) - running AS fall,
        place - coalesce(max(place) FILTER (WHERE way <= 0) OVER in_order, 0) AS wins,
        place - coalesce(max(place) FILTER (WHERE way >= 0) OVER in_order, 0) AS losses
    FROM numbered
    WINDOW in_order AS (PARTITION BY part, after_fees, day ORDER BY exit_time, trade_id)
)
SELECT
    part, after_fees, day,
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
GROUP BY part, after_fees, day
ORDER BY part, after_fees, day;
