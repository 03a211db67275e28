-- One row per closed trade of a selection. The list and its count share it.
-- Parameters: version, symbol, outcome, side, exit, interval, confidence (lower end of its ten points), hour, weekday
-- (of opening, UTC), agent, stance, without (null: all); since, until (half-open; null: no limit; on the exit, with an
-- agent on the expiry); confidence_from, confidence_to (half-open, 100 included; the agent's if one is named);
-- after_fees (whose outcome); suspect, late (no, yes, only); as_of (null: now; else what a track at that minute had
-- closed).
SELECT
    t.trade_id, t.version, t.symbol, t.bar_interval, t.side, t.confidence, t.opened_at, t.expires_at, t.exit_time,
    t.entry_price, t.exit_price, t.exit_reason, t.price_source, t.ambiguous_exit, t.pnl_pct, t.net_pnl_pct, t.mfe_pct,
    t.mae_pct, t.horizon_return_pct, t.hold_time_minutes, t.price_suspect, t.late
FROM scorekeeper.report_trades AS t
WHERE
    (:suspect = 'yes' OR t.price_suspect = (:suspect = 'only'))
    AND (:late = 'yes' OR t.late = (:late = 'only'))
    AND (cast(:version AS text) IS NULL OR t.version = :version)
    AND (cast(:symbol AS text) IS NULL OR t.symbol = :symbol)
    AND (
        cast(:since AS timestamptz) IS NULL
        OR CASE WHEN cast(:agent AS text) IS NULL THEN t.exit_time ELSE t.expires_at END >= :since
    )
    AND (
        cast(:until AS timestamptz) IS NULL
        OR CASE WHEN cast(:agent AS text) IS NULL THEN t.exit_time ELSE t.expires_at END < :until
    )
    AND (cast(:as_of AS timestamptz) IS NULL OR t.exit_time <= :as_of)
    AND (
        cast(:as_of AS timestamptz) IS NULL
        OR t.exit_time <= :as_of - (SELECT l.length FROM scorekeeper.report_candle_length AS l)
        OR t.closed_from <= :as_of
    )
    AND (
        cast(:outcome AS text) IS NULL
        OR sign(CASE WHEN cast(:after_fees AS boolean) THEN t.net_pnl_pct ELSE t.pnl_pct END)
        = CASE :outcome WHEN 'win' THEN 1 WHEN 'loss' THEN -1 ELSE 0 END
    )
    AND (
        cast(:side AS text) IS NULL OR :side = 'any'
        OR t.direction = CASE :side WHEN 'long' THEN 1 WHEN 'short' THEN -1 END
    )
    AND (cast(:exit AS text) IS NULL OR t.exit_reason = :exit)
    AND (cast(:interval AS text) IS NULL OR t.bar_interval = :interval)
    AND (
        cast(:confidence AS integer) IS NULL
        OR 10 * width_bucket(t.confidence, ARRAY[10, 20, 30, 40, 50, 60, 70, 80, 90]) = :confidence
    )
    AND (cast(:hour AS integer) IS NULL OR extract(HOUR FROM t.opened_at AT TIME ZONE 'UTC') = :hour)
    AND (cast(:weekday AS integer) IS NULL OR extract(ISODOW FROM t.opened_at AT TIME ZONE 'UTC') = :weekday)
    AND (cast(:without AS text) IS DISTINCT FROM 'interval' OR t.bar_interval IS NULL)
    AND (cast(:without AS text) IS DISTINCT FROM 'confidence' OR t.confidence IS NULL)
    AND (
        cast(:agent AS text) IS NOT NULL
        OR (
            (cast(:confidence_from AS float8) IS NULL OR t.confidence >= :confidence_from)
            AND (
                cast(:confidence_to AS float8) IS NULL OR t.confidence < :confidence_to
                OR (:confidence_to = 100 AND t.confidence = 100)
            )
        )
    )
    AND (
        cast(:agent AS text) IS NULL
        OR EXISTS (
            SELECT 1 FROM scorekeeper.report_agent_signals AS a
            WHERE
                a.trade_id = t.trade_id AND a.agent = :agent
                AND (
                    cast(:stance AS text) IS NULL
                    OR a.direction * t.direction
                    = CASE :stance WHEN 'supported' THEN 1 WHEN 'opposed' THEN -1 ELSE 0 END
                )
                AND (cast(:confidence_from AS float8) IS NULL OR a.confidence >= :confidence_from)
                AND (
                    cast(:confidence_to AS float8) IS NULL OR a.confidence < :confidence_to
                    OR (:confidence_to = 100 AND a.confidence = 100)
                )
        )
    );
