-- One row per part of a breakdown (by; null: the whole) and agent: the counts of report_agent_daily_pieces, from the
-- rows, of decisions that expired in [since, until) (null: no limit); by side, of those that opened a trade. The same
-- as count_agents but for what a reader may read and for as_of.
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
        n.trade_id, n.direction, n.horizon_return_pct, n.pnl_pct,
        n.horizon_known_at IS NOT NULL
        AND (
            cast(:as_of AS timestamptz) IS NULL
            OR (n.expires_at <= :as_of AND (n.horizon_known_at <= :as_of OR n.met_at <= :as_of))
        ) AS known,
        n.exit_time IS NOT NULL
        AND (
            cast(:as_of AS timestamptz) IS NULL OR n.exit_time <= :as_of - interval '1 minute'
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
said AS (
    SELECT
        n.part, a.agent, a.direction, n.known,
        CASE WHEN n.known THEN a.direction * sign(n.horizon_return_pct) END AS right_way,
        CASE WHEN n.known THEN a.direction * cast(cast(n.horizon_return_pct AS text) AS numeric) END AS call_return,
        cast(cast(a.confidence AS text) AS numeric) AS c,
        CASE WHEN n.closed THEN sign(n.pnl_pct) END AS won,
        CASE WHEN n.closed THEN a.direction * n.direction END AS backing
    FROM decided AS n
    INNER JOIN scorekeeper.report_agent_signals AS a ON n.trade_id = a.trade_id
    WHERE (n.known OR n.closed) AND (cast(:agent AS text) IS NULL OR a.agent = :agent)
),
sure AS (
    SELECT
        *, CASE WHEN right_way > 0 THEN 1 ELSE 0 END AS y,
        CASE WHEN right_way <> 0 THEN width_bucket(c, ARRAY[10, 20, 30, 40, 50, 60, 70, 80, 90]) END AS bin
    FROM said
),
counted AS (
    SELECT
        part, agent, bin,
        count(*) FILTER (WHERE known) AS signals, count(*) FILTER (WHERE known AND direction <> 0) AS calls,
        count(*) FILTER (WHERE right_way > 0) AS correct, count(*) FILTER (WHERE right_way < 0) AS incorrect,
        sum(call_return) FILTER (WHERE direction <> 0) AS returns,
        count(bin) AS bin_calls, count(bin) FILTER (WHERE right_way > 0) AS bin_correct,
        sum(c) FILTER (WHERE bin IS NOT NULL) AS confidence,
        sum((c / 100 - y) * (c / 100 - y)) FILTER (WHERE bin IS NOT NULL) AS squares,
        count(*) FILTER (WHERE backing = 1 AND won > 0) AS supported_winners,
        count(*) FILTER (WHERE backing = 1 AND won < 0) AS supported_losers,
        count(*) FILTER (WHERE backing = -1 AND won > 0) AS opposed_winners,
        count(*) FILTER (WHERE backing = -1 AND won < 0) AS opposed_losers,
        count(*) FILTER (WHERE backing = 0 AND won > 0) AS abstained_winners,
        count(*) FILTER (WHERE backing = 0 AND won < 0) AS abstained_losers
    FROM sure
    GROUP BY part, agent, bin
)
SELECT
    part, agent, sum(signals) AS signals, sum(calls) AS calls, sum(correct) AS correct, sum(incorrect) AS incorrect,
    coalesce(sum(returns), 0) AS sum_call_return_pct, sum(bin_calls) AS brier_calls,
    coalesce(sum(squares), 0) AS sum_brier,
    ARRAY[
        coalesce(sum(bin_calls) FILTER (WHERE bin = 0), 0), coalesce(sum(bin_calls) FILTER (WHERE bin = 1), 0),
        coalesce(sum(bin_calls) FILTER (WHERE bin = 2), 0), coalesce(sum(bin_calls) FILTER (WHERE bin = 3), 0),
        coalesce(sum(bin_calls) FILTER (WHERE bin = 4), 0), coalesce(sum(bin_calls) FILTER (WHERE bin = 5), 0),
        coalesce(sum(bin_calls) FILTER (WHERE bin = 6), 0), coalesce(sum(bin_calls) FILTER (WHERE bin = 7), 0),
        coalesce(sum(bin_calls) FILTER (WHERE bin = 8), 0), coalesce(sum(bin_calls) FILTER (WHERE bin = 9), 0)
    ] AS bin_calls,
    ARRAY[
        coalesce(sum(bin_correct) FILTER (WHERE bin = 0), 0), coalesce(sum(bin_correct) FILTER (WHERE bin = 1), 0),
        coalesce(sum(bin_correct) FILTER (WHERE bin = 2), 0), coalesce(sum(bin_correct) FILTER (WHERE bin = 3), 0),
        coalesce(sum(bin_correct) FILTER (WHERE bin = 4), 0), coalesce(sum(bin_correct) FILTER (WHERE bin = 5), 0),
        coalesce(sum(bin_correct) FILTER (WHERE bin = 6), 0), coalesce(sum(bin_correct) FILTER (WHERE bin = 7), 0),
        coalesce(sum(bin_correct) FILTER (WHERE bin = 8), 0), coalesce(sum(bin_correct) FILTER (WHERE bin = 9), 0)
    ] AS bin_correct,
    ARRAY[
        coalesce(sum(confidence) FILTER (WHERE bin = 0), 0), coalesce(sum(confidence) FILTER (WHERE bin = 1), 0),
        coalesce(sum(confidence) FILTER (WHERE bin = 2), 0), coalesce(sum(confidence) FILTER (WHERE bin = 3), 0),
        coalesce(sum(confidence) FILTER (WHERE bin = 4), 0), coalesce(sum(confidence) FILTER (WHERE bin = 5), 0),
        coalesce(sum(confidence) FILTER (WHERE bin = 6), 0), coalesce(sum(confidence) FILTER (WHERE bin = 7), 0),
        coalesce(sum(confidence) FILTER (WHERE bin = 8), 0), coalesce(sum(confidence) FILTER (WHERE bin = 9), 0)
    ] AS bin_confidence,
    sum(supported_winners) AS supported_winners, sum(supported_losers) AS supported_losers,
    sum(opposed_winners) AS opposed_winners, sum(opposed_losers) AS opposed_losers,
    sum(abstained_winners) AS abstained_winners, sum(abstained_losers) AS abstained_losers
FROM counted
GROUP BY part, agent
ORDER BY part, agent;
