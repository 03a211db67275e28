-- One row per trade that was open at a moment, a page of them, in order; with its last price then. mark_price is null
-- before its first candle, the trailing level where it is not of now.
-- Parameters: version, symbol, side (null: all), suspect, late (no, yes, only), as_of (null: now), at (as_of, else the
-- last track; null: there was none), opened_before (what opened then or later counts nowhere yet); sort, descending;
-- after_id (null: the first page) with the sorted value of the last row before it (after_at, after_value or
-- after_text); most.
WITH candidate AS (
    -- Each by an index of its own.
    SELECT d.trade_id
    FROM scorekeeper.report_decisions AS d
    WHERE d.opened_trade AND d.exit_time IS NULL AND d.voided_at IS NULL
    UNION ALL
    SELECT t.trade_id
    FROM scorekeeper.report_trades AS t
    WHERE
        t.exit_time > cast(:at AS timestamptz) - (SELECT l.length FROM scorekeeper.report_candle_length AS l)
        AND t.opened_at < :opened_before
        AND (t.exit_time > :at OR (cast(:as_of AS timestamptz) IS NOT NULL AND t.closed_from > :at))
),
living AS (
    SELECT
        d.trade_id, d.version, d.symbol, d.direction, d.entry_price, d.opened_at, d.expires_at,
        d.stop_loss * coalesce(d.price_scale, 1) AS stop_loss,
        d.take_profit * coalesce(d.price_scale, 1) AS take_profit,
        d.trailing_stop_pct, d.trailing_level, d.close_requested_at,
        d.price_suspect AND (cast(:as_of AS timestamptz) IS NULL OR d.judged_from <= :as_of) AS price_suspect,
        cast(:at AS timestamptz) AS at
    FROM candidate AS c
    INNER JOIN scorekeeper.report_decisions AS d ON c.trade_id = d.trade_id
    WHERE
        d.opened_at < :opened_before
        -- What was suspect at as_of had been judged then.
        AND (
            :suspect = 'yes'
            OR coalesce(d.price_suspect AND (cast(:as_of AS timestamptz) IS NULL OR d.judged_from <= :as_of), false)
            = (:suspect = 'only')
        )
        AND (:late = 'yes' OR d.late = (:late = 'only'))
        AND (cast(:version AS text) IS NULL OR d.version = :version)
        AND (cast(:symbol AS text) IS NULL OR d.symbol = :symbol)
        AND (
            cast(:side AS text) IS NULL OR :side = 'any'
            OR d.direction = CASE :side WHEN 'long' THEN 1 WHEN 'short' THEN -1 END
        )
),
mark AS (
    SELECT s.symbol, k.close, k.ends_at
    FROM (SELECT DISTINCT living.symbol, living.at FROM living) AS s
    INNER JOIN LATERAL (
        SELECT c.close, c.ends_at FROM scorekeeper.report_candles AS c
        WHERE c.symbol = s.symbol AND c.minute_at < s.at AND c.ends_at <= s.at
        ORDER BY c.minute_at DESC LIMIT 1
    ) AS k ON true
),
shown AS (
    SELECT
        l.trade_id, l.version, l.symbol, CASE l.direction WHEN 1 THEN 'long' ELSE 'short' END AS side, l.direction,
        l.entry_price, l.opened_at, l.expires_at, l.stop_loss, l.take_profit, l.trailing_stop_pct,
        CASE WHEN cast(:as_of AS timestamptz) IS NULL THEN l.trailing_level END AS trailing_level,
        CASE WHEN l.close_requested_at <= l.at THEN l.close_requested_at END AS close_requested_at,
        coalesce(l.price_suspect, false) AS price_suspect, l.at,
        m.close AS mark_price, m.ends_at AS mark_at,
        l.direction * (m.close - l.entry_price) / l.entry_price * 100 AS pnl_pct
    FROM living AS l
    LEFT JOIN mark AS m ON l.symbol = m.symbol AND l.opened_at < m.ends_at
)
SELECT
    t.trade_id, t.version, t.symbol, t.side, t.entry_price, t.opened_at, t.expires_at, t.stop_loss, t.take_profit,
    t.trailing_stop_pct, t.trailing_level, t.close_requested_at, t.price_suspect, t.mark_price, t.mark_at,
    cast(extract(EPOCH FROM t.at - t.mark_at) / 60 AS float8) AS mark_age_minutes, t.pnl_pct,
    cast(extract(EPOCH FROM t.at - t.opened_at) / 60 AS float8) AS age_minutes,
    cast(extract(EPOCH FROM least(t.expires_at, t.close_requested_at) - t.at) / 60 AS float8) AS minutes_to_expiry,
    t.direction * (t.mark_price - CASE t.direction
        WHEN 1 THEN greatest(t.stop_loss, t.trailing_level)
        ELSE least(t.stop_loss, t.trailing_level)
    END) / t.mark_price * 100 AS distance_to_stop_pct,
    t.direction * (t.take_profit - t.mark_price) / t.mark_price * 100 AS distance_to_target_pct
FROM shown AS t
WHERE
    cast(:after_id AS text) IS NULL
    OR (
        :sort = 'expires_at' AND cast(:descending AS boolean)
        AND (t.expires_at, t.trade_id) < (cast(:after_at AS timestamptz), :after_id)
    )
    OR (
        :sort = 'expires_at' AND NOT cast(:descending AS boolean)
        AND (t.expires_at, t.trade_id) > (cast(:after_at AS timestamptz), :after_id)
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
        AND (coalesce(t.pnl_pct, '-infinity'), t.trade_id) < (cast(:after_value AS float8), :after_id)
    )
    OR (
        :sort = 'pnl_pct' AND NOT cast(:descending AS boolean)
        AND (coalesce(t.pnl_pct, '-infinity'), t.trade_id) > (cast(:after_value AS float8), :after_id)
    )
    OR (
        :sort = 'symbol' AND cast(:descending AS boolean)
        AND (t.symbol, t.trade_id) < (cast(:after_text AS text), :after_id)
    )
    OR (
        :sort = 'symbol' AND NOT cast(:descending AS boolean)
        AND (t.symbol, t.trade_id) > (cast(:after_text AS text), :after_id)
    )
ORDER BY
    CASE WHEN :sort = 'expires_at' AND cast(:descending AS boolean) THEN t.expires_at END DESC,
    CASE WHEN :sort = 'expires_at' AND NOT cast(:descending AS boolean) THEN t.expires_at END,
    CASE WHEN :sort = 'opened_at' AND cast(:descending AS boolean) THEN t.opened_at END DESC,
    CASE WHEN :sort = 'opened_at' AND NOT cast(:descending AS boolean) THEN t.opened_at END,
    CASE WHEN :sort = 'pnl_pct' AND cast(:descending AS boolean) THEN coalesce(t.pnl_pct, '-infinity') END DESC,
    CASE WHEN :sort = 'pnl_pct' AND NOT cast(:descending AS boolean) THEN coalesce(t.pnl_pct, '-infinity') END,
    CASE WHEN :sort = 'symbol' AND cast(:descending AS boolean) THEN t.symbol END DESC,
    CASE WHEN :sort = 'symbol' AND NOT cast(:descending AS boolean) THEN t.symbol END,
    CASE WHEN cast(:descending AS boolean) THEN t.trade_id END DESC,
    CASE WHEN NOT cast(:descending AS boolean) THEN t.trade_id END
LIMIT :most;
