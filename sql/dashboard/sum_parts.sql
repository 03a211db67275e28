-- One row per part of a breakdown: what its closed trades come to on one basis, without what their order tells
-- (drawdown and streaks), so that a million are added up while one waits.
-- Parameters: version, symbol (null: all), since, until (half-open, on the exit; null: no limit), suspect, late (no,
-- yes, only), as_of (null: now; else what a track at that minute had closed), by, after_fees.
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
        CASE WHEN cast(:after_fees AS boolean) THEN t.net_pnl_pct ELSE t.pnl_pct END AS pnl,
        t.exit_time - t.opened_at AS held
    FROM scorekeeper.report_trades AS t
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
exact AS (
    SELECT part, pnl, held, cast(cast(pnl AS text) AS numeric) AS pnl_pct FROM counted
)
SELECT
    part, count(*) AS trades, count(*) FILTER (WHERE pnl > 0) AS winners, count(*) FILTER (WHERE pnl < 0) AS losers,
    sum(pnl_pct) AS sum_pct,
    coalesce(sum(pnl_pct) FILTER (WHERE pnl > 0), 0) AS sum_winners_pct,
    coalesce(sum(pnl_pct) FILTER (WHERE pnl < 0), 0) AS sum_losers_pct,
    extract(EPOCH FROM sum(held)) AS hold_seconds
FROM exact
GROUP BY part
ORDER BY part;
