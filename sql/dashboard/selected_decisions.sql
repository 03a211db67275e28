-- One row per decision of a selection that was not voided; with what the agent said, if one is named, and whether its
-- horizon and its exit were known. The list and its count share it.
-- Parameters: version, symbol, action, side (any: what opens a trade; none: what does not), interval, confidence (lower
-- end of its ten points), hour, weekday (of opening, UTC), agent, without (null: all); call (null: all; of the agent,
-- else of the system's own action, of what its horizon decides); since, until (half-open, on the expiry; null: no
-- limit); confidence_from, confidence_to (half-open, 100 included; the agent's if one is named); suspect, late (no,
-- yes, only); as_of (null: now; else what a track at that minute knew); opened_before (the end of what
-- is tracked).
SELECT
    n.trade_id, n.version, n.symbol, n.bar_interval, n.action, n.direction, n.confidence, n.price, n.opened_at,
    n.expires_at, n.received_at, n.late, n.price_suspect, n.horizon_return_pct, n.opened_trade AS traded,
    n.exit_reason, n.pnl_pct, n.net_pnl_pct, a.signal AS said, a.direction AS said_direction,
    a.confidence AS said_confidence, n.reason,
    n.horizon_known_at IS NOT NULL
    AND (
        cast(:as_of AS timestamptz) IS NULL
        OR (n.expires_at <= :as_of AND (n.horizon_known_at <= :as_of OR n.met_at <= :as_of))
    ) AS known,
    n.exit_time IS NOT NULL
    AND (
        cast(:as_of AS timestamptz) IS NULL
        OR n.exit_time <= :as_of - (SELECT l.length FROM scorekeeper.report_candle_length AS l)
        OR (n.exit_time <= :as_of AND n.closed_from <= :as_of)
    ) AS closed
FROM scorekeeper.report_decisions AS n
LEFT JOIN scorekeeper.report_agent_signals AS a ON n.trade_id = a.trade_id AND a.agent = cast(:agent AS text)
CROSS JOIN
    LATERAL (VALUES (CASE WHEN cast(:agent AS text) IS NULL THEN n.direction ELSE a.direction END)) AS w (way)
WHERE
    n.voided_at IS NULL
    -- What was suspect at as_of had been judged then.
    AND (
        :suspect = 'yes'
        OR coalesce(n.price_suspect AND (cast(:as_of AS timestamptz) IS NULL OR n.judged_from <= :as_of), false)
        = (:suspect = 'only')
    )
    AND (:late = 'yes' OR n.late = (:late = 'only'))
    AND (cast(:version AS text) IS NULL OR n.version = :version)
    AND (cast(:symbol AS text) IS NULL OR n.symbol = :symbol)
    AND (cast(:since AS timestamptz) IS NULL OR n.expires_at >= :since)
    AND (cast(:until AS timestamptz) IS NULL OR n.expires_at < :until)
    AND (cast(:as_of AS timestamptz) IS NULL OR n.opened_at < :as_of)
    -- What metrics counts of late and suspect ones has opened before the last track.
    AND (
        (:suspect <> 'only' AND :late <> 'only')
        OR n.opened_at < :opened_before
    )
    AND (cast(:action AS text) IS NULL OR n.action = :action)
    AND (
        cast(:side AS text) IS NULL
        OR CASE :side
            WHEN 'long' THEN n.direction = 1
            WHEN 'short' THEN n.direction = -1
            WHEN 'any' THEN n.direction <> 0
            ELSE n.direction = 0
        END
    )
    AND (cast(:interval AS text) IS NULL OR n.bar_interval = :interval)
    AND (
        cast(:confidence AS integer) IS NULL
        OR 10 * width_bucket(n.confidence, ARRAY[10, 20, 30, 40, 50, 60, 70, 80, 90]) = :confidence
    )
    AND (cast(:hour AS integer) IS NULL OR extract(HOUR FROM n.opened_at AT TIME ZONE 'UTC') = :hour)
    AND (cast(:weekday AS integer) IS NULL OR extract(ISODOW FROM n.opened_at AT TIME ZONE 'UTC') = :weekday)
    AND (cast(:without AS text) IS DISTINCT FROM 'interval' OR n.bar_interval IS NULL)
    AND (cast(:without AS text) IS DISTINCT FROM 'confidence' OR n.confidence IS NULL)
    AND (cast(:agent AS text) IS NULL OR a.agent IS NOT NULL)
    AND (
        cast(:confidence_from AS float8) IS NULL
        OR CASE WHEN cast(:agent AS text) IS NULL THEN n.confidence ELSE a.confidence END >= :confidence_from
    )
    AND (
        cast(:confidence_to AS float8) IS NULL
        OR CASE WHEN cast(:agent AS text) IS NULL THEN n.confidence ELSE a.confidence END < :confidence_to
        OR (
            :confidence_to = 100
            AND CASE WHEN cast(:agent AS text) IS NULL THEN n.confidence ELSE a.confidence END = 100
        )
    )
    AND (
        cast(:call AS text) IS NULL
        OR (
            n.horizon_known_at IS NOT NULL
            AND (
                cast(:as_of AS timestamptz) IS NULL
                OR (n.expires_at <= :as_of AND (n.horizon_known_at <= :as_of OR n.met_at <= :as_of))
            )
            AND CASE :call
                WHEN 'scored' THEN true
                WHEN 'made' THEN w.way <> 0
                WHEN 'abstained' THEN w.way = 0
                WHEN 'judged' THEN w.way * n.horizon_return_pct <> 0
                WHEN 'right' THEN w.way * n.horizon_return_pct > 0
                WHEN 'wrong' THEN w.way * n.horizon_return_pct < 0
                ELSE w.way <> 0 AND n.horizon_return_pct = 0
            END
        )
    );
