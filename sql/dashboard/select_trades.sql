-- One row per closed trade of a selection, a page of it, in order.
-- Parameters: version, symbol, outcome, side, exit, interval, confidence (lower end of its ten points), hour, weekday
-- (of opening, UTC), agent, stance, without (null: all); since, until (half-open; null: no limit; on the exit, with an
-- agent on the expiry); confidence_from, confidence_to (half-open, 100 included; the agent's if one is named);
-- after_fees (whose outcome); suspect, late (no, yes, only); as_of (null: now; else what a track at that minute had
-- closed); sort, descending; after_id
-- (null: the first page) with the sorted value of the last row before it (after_at, after_value or after_text); most.
-- The sorts that are not asked for fold to constants, so that an index gives the order: it needs custom plans.
SELECT
    t.trade_id, t.version, t.symbol, t.bar_interval, t.side, t.confidence, t.opened_at, t.exit_time, t.entry_price,
    t.exit_price, t.exit_reason, t.price_source, t.ambiguous_exit, t.pnl_pct, t.net_pnl_pct, t.mfe_pct, t.mae_pct,
    CASE
        WHEN cast(:as_of AS timestamptz) IS NULL OR t.expires_at <= :as_of THEN t.horizon_return_pct
    END AS horizon_return_pct,
    t.hold_time_minutes, t.price_suspect, t.late
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
        cast(:as_of AS timestamptz) IS NULL OR t.exit_time <= :as_of - interval '1 minute'
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
    )
    AND (
        cast(:after_id AS text) IS NULL
        OR (
            :sort = 'exit_time' AND cast(:descending AS boolean)
            AND (t.exit_time, t.trade_id) < (cast(:after_at AS timestamptz), :after_id)
        )
        OR (
            :sort = 'exit_time' AND NOT cast(:descending AS boolean)
            AND (t.exit_time, t.trade_id) > (cast(:after_at AS timestamptz), :after_id)
        )
        OR (
            :sort = 'opened_at' AND cast(:descending AS boolean)
            AND (t.opened_at, t.trade_id) < (cast(:after_at AS timestamptz), :after_id)
        )
        OR (
            :sort = 'opened_at' AND NOT cast(:descending AS boolean)
            AND (t.opened_at, t.trade_id) > (cast(:after_at AS timestamptz), :after_id)
        )
        OR (
            :sort = 'pnl_pct' AND cast(:descending AS boolean)
            AND (t.pnl_pct, t.trade_id) < (cast(:after_value AS float8), :after_id)
        )
        OR (
            :sort = 'pnl_pct' AND NOT cast(:descending AS boolean)
            AND (t.pnl_pct, t.trade_id) > (cast(:after_value AS float8), :after_id)
        )
        OR (
            :sort = 'net_pnl_pct' AND cast(:descending AS boolean)
            AND (t.net_pnl_pct, t.trade_id) < (cast(:after_value AS float8), :after_id)
        )
        OR (
            :sort = 'net_pnl_pct' AND NOT cast(:descending AS boolean)
            AND (t.net_pnl_pct, t.trade_id) > (cast(:after_value AS float8), :after_id)
        )
        OR (
            :sort = 'mfe_pct' AND cast(:descending AS boolean)
            AND (t.mfe_pct, t.trade_id) < (cast(:after_value AS float8), :after_id)
        )
        OR (
            :sort = 'mfe_pct' AND NOT cast(:descending AS boolean)
            AND (t.mfe_pct, t.trade_id) > (cast(:after_value AS float8), :after_id)
        )
        OR (
            :sort = 'mae_pct' AND cast(:descending AS boolean)
            AND (t.mae_pct, t.trade_id) < (cast(:after_value AS float8), :after_id)
        )
        OR (
            :sort = 'mae_pct' AND NOT cast(:descending AS boolean)
            AND (t.mae_pct, t.trade_id) > (cast(:after_value AS float8), :after_id)
        )
        OR (
            :sort = 'hold_time_minutes' AND cast(:descending AS boolean)
            AND (t.hold_time_minutes, t.trade_id) < (cast(:after_value AS float8), :after_id)
        )
        OR (
            :sort = 'hold_time_minutes' AND NOT cast(:descending AS boolean)
            AND (t.hold_time_minutes, t.trade_id) > (cast(:after_value AS float8), :after_id)
        )
        OR (
            :sort = 'confidence' AND cast(:descending AS boolean)
            AND (coalesce(t.confidence, -1), t.trade_id) < (cast(:after_value AS float8), :after_id)
        )
        OR (
            :sort = 'confidence' AND NOT cast(:descending AS boolean)
            AND (coalesce(t.confidence, -1), t.trade_id) > (cast(:after_value AS float8), :after_id)
        )
        OR (
            :sort = 'symbol' AND cast(:descending AS boolean)
            AND (t.symbol, t.trade_id) < (cast(:after_text AS text), :after_id)
        )
        OR (
            :sort = 'symbol' AND NOT cast(:descending AS boolean)
            AND (t.symbol, t.trade_id) > (cast(:after_text AS text), :after_id)
        )
    )
ORDER BY
    CASE WHEN :sort = 'exit_time' AND cast(:descending AS boolean) THEN t.exit_time END DESC,
    CASE WHEN :sort = 'exit_time' AND NOT cast(:descending AS boolean) THEN t.exit_time END,
    CASE WHEN :sort = 'opened_at' AND cast(:descending AS boolean) THEN t.opened_at END DESC,
    CASE WHEN :sort = 'opened_at' AND NOT cast(:descending AS boolean) THEN t.opened_at END,
    CASE WHEN :sort = 'pnl_pct' AND cast(:descending AS boolean) THEN t.pnl_pct END DESC,
    CASE WHEN :sort = 'pnl_pct' AND NOT cast(:descending AS boolean) THEN t.pnl_pct END,
    CASE WHEN :sort = 'net_pnl_pct' AND cast(:descending AS boolean) THEN t.net_pnl_pct END DESC,
    CASE WHEN :sort = 'net_pnl_pct' AND NOT cast(:descending AS boolean) THEN t.net_pnl_pct END,
    CASE WHEN :sort = 'mfe_pct' AND cast(:descending AS boolean) THEN t.mfe_pct END DESC,
    CASE WHEN :sort = 'mfe_pct' AND NOT cast(:descending AS boolean) THEN t.mfe_pct END,
    CASE WHEN :sort = 'mae_pct' AND cast(:descending AS boolean) THEN t.mae_pct END DESC,
    CASE WHEN :sort = 'mae_pct' AND NOT cast(:descending AS boolean) THEN t.mae_pct END,
    CASE WHEN :sort = 'hold_time_minutes' AND cast(:descending AS boolean) THEN t.hold_time_minutes END DESC,
    CASE WHEN :sort = 'hold_time_minutes' AND NOT cast(:descending AS boolean) THEN t.hold_time_minutes END,
    CASE WHEN :sort = 'confidence' AND cast(:descending AS boolean) THEN coalesce(t.confidence, -1) END DESC,
    CASE WHEN :sort = 'confidence' AND NOT cast(:descending AS boolean) THEN coalesce(t.confidence, -1) END,
    CASE WHEN :sort = 'symbol' AND cast(:descending AS boolean) THEN t.symbol END DESC,
    CASE WHEN :sort = 'symbol' AND NOT cast(:descending AS boolean) THEN t.symbol END,
    CASE WHEN cast(:descending AS boolean) THEN t.trade_id END DESC,
    CASE WHEN NOT cast(:descending AS boolean) THEN t.trade_id END
LIMIT :most;
