-- One row per closed trade of a scope, with its part of a breakdown (by; null: the whole). Counts by day and by part
-- share it.
-- Parameters: version, symbol (null: all), since, until (half-open, on the exit; null: no limit), suspect, late (no,
-- yes, only), as_of (null: now; else what a track at that minute had closed), by.
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
    t.trade_id, t.opened_at, t.exit_time, t.pnl_pct, t.net_pnl_pct, t.mfe_pct, t.mae_pct
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
        cast(:as_of AS timestamptz) IS NULL
        OR t.exit_time <= :as_of - (SELECT l.length FROM scorekeeper.report_candle_length AS l)
        OR t.closed_from <= :as_of
    );
