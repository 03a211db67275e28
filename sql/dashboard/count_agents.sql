-- One row per part of a breakdown (by; null: the whole) and agent: the counts of report_agent_daily_pieces, from the
-- rows, of decisions that expired in [since, until) (null: no limit); by side, of those that opened a trade. It
-- reads what a reader may read, as of a moment.
-- Parameters: version, symbol (null: all), since, until, suspect, late (no, yes, only), as_of (null: now; else what a
-- track at that minute knew: of horizons and exits, each once a candle since the decision was complete), by,
-- agent (null: all).
WITH decided AS MATERIALIZED (
    SELECT
        CASE cast(:by AS text)
            WHEN 'symbol' THEN n.symbol
            WHEN 'interval' THEN n.bar_interval
            WHEN 'side' THEN CASE n.direction WHEN 1 THEN 'long' ELSE 'short' END
            WHEN 'version' THEN n.version
            WHEN 'confidence'
                THEN cast(width_bucket(n.confidence, ARRAY[10, 20, 30, 40, 50, 60, 70, 80, 90]) AS text)
            WHEN 'weekday' THEN to_char(n.opened_at AT TIME ZONE 'UTC', 'ID')
            WHEN 'hour' THEN to_char(n.opened_at AT TIME ZONE 'UTC', 'HH24')
        END AS part,
        n.trade_id, n.direction, n.horizon_known_at, n.horizon_return_pct, n.pnl_pct,
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
    WHERE
        n.voided_at IS NULL
        AND (:suspect = 'yes' OR coalesce(n.price_suspect, false) = (:suspect = 'only'))
        AND (:late = 'yes' OR n.late = (:late = 'only'))
        AND (cast(:version AS text) IS NULL OR n.version = :version)
        AND (cast(:symbol AS text) IS NULL OR n.symbol = :symbol)
        AND (cast(:since AS timestamptz) IS NULL OR n.expires_at >= :since)
        AND (cast(:until AS timestamptz) IS NULL OR n.expires_at < :until)
        AND (cast(:as_of AS timestamptz) IS NULL OR n.opened_at < :as_of)
        AND (n.horizon_known_at IS NOT NULL OR n.exit_time IS NOT NULL)
        AND (cast(:by AS text) IS DISTINCT FROM 'side' OR n.direction <> 0)
),
said AS ( -- noqa: ST03
    SELECT
        cast(null AS date) AS day, cast(null AS text) AS version, cast(null AS text) AS symbol, n.part AS group_value,
        a.agent, a.direction, a.confidence,
        CASE WHEN n.known THEN n.horizon_known_at END AS horizon_known_at,
        CASE WHEN n.known THEN n.horizon_return_pct END AS horizon_return_pct,
        CASE WHEN n.closed THEN n.pnl_pct END AS pnl_pct, CASE WHEN n.closed THEN n.direction END AS side
    FROM decided AS n
    INNER JOIN scorekeeper.report_agent_signals AS a ON n.trade_id = a.trade_id
    WHERE (n.known OR n.closed) AND (cast(:agent AS text) IS NULL OR a.agent = :agent)
)
-- with summed: metrics/sum_counted_signals
SELECT
    group_value AS part, agent, signals, calls, correct, incorrect, sum_call_return_pct, brier_calls, sum_brier,
    bin_calls, bin_correct, bin_confidence,
    supported_winners, supported_losers, opposed_winners, opposed_losers, abstained_winners, abstained_losers
FROM summed
ORDER BY group_value, agent;
