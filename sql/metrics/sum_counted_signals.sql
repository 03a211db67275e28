-- One row per UTC day of expires_at, scope (version, symbol; null: all), group of a breakdown and agent of the CTE
-- said: the columns of agent_daily_score. Rollups and selections share it.
-- The CTE said has one row per agent's signal: day, version, symbol, group_value, agent, direction, confidence,
-- horizon_known_at, horizon_return_pct, pnl_pct and side (of its trade, if that has closed). Where a signal has its
-- version and symbol, it counts in four scopes: all, version, symbol, both. Where these are null, in one.
-- Calls are scored where the horizon return is known; support and dissent where a trade closed. Bins: by confidence,
-- [0, 10), [10, 20) … [80, 90), [90, 100], of the calls that the Brier score counts.
-- Doubles become numeric through text: a direct cast keeps 15 digits only.
WITH judged AS (
    SELECT
        day, version, symbol, group_value, agent, direction,
        horizon_known_at IS NOT NULL AS known,
        direction * sign(horizon_return_pct) AS right_way,
        direction * cast(cast(horizon_return_pct AS text) AS numeric) AS call_return,
        cast(cast(confidence AS text) AS numeric) AS c,
        sign(pnl_pct) AS won,
        direction * side AS backing
    FROM said
),
sure AS (
    SELECT
        *, CASE WHEN right_way > 0 THEN 1 ELSE 0 END AS y,
        CASE WHEN right_way <> 0 THEN width_bucket(c, ARRAY[10, 20, 30, 40, 50, 60, 70, 80, 90]) END AS bin
    FROM judged
),
-- Once by version, symbol and bin, and only then for each scope.
binned AS (
    SELECT
        day, version, symbol, group_value, agent, bin,
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
    GROUP BY day, version, symbol, group_value, agent, bin
)
SELECT
    b.day, s.version, s.symbol, b.group_value, b.agent,
    sum(b.signals) AS signals, sum(b.calls) AS calls, sum(b.correct) AS correct, sum(b.incorrect) AS incorrect,
    coalesce(sum(b.returns), 0) AS sum_call_return_pct,
    sum(b.bin_calls) AS brier_calls, coalesce(sum(b.squares), 0) AS sum_brier,
    ARRAY[
        coalesce(sum(b.bin_calls) FILTER (WHERE b.bin = 0), 0), coalesce(sum(b.bin_calls) FILTER (WHERE b.bin = 1), 0),
        coalesce(sum(b.bin_calls) FILTER (WHERE b.bin = 2), 0), coalesce(sum(b.bin_calls) FILTER (WHERE b.bin = 3), 0),
        coalesce(sum(b.bin_calls) FILTER (WHERE b.bin = 4), 0), coalesce(sum(b.bin_calls) FILTER (WHERE b.bin = 5), 0),
        coalesce(sum(b.bin_calls) FILTER (WHERE b.bin = 6), 0), coalesce(sum(b.bin_calls) FILTER (WHERE b.bin = 7), 0),
        coalesce(sum(b.bin_calls) FILTER (WHERE b.bin = 8), 0), coalesce(sum(b.bin_calls) FILTER (WHERE b.bin = 9), 0)
    ] AS bin_calls,
    ARRAY[
        coalesce(sum(b.bin_correct) FILTER (WHERE b.bin = 0), 0),
        coalesce(sum(b.bin_correct) FILTER (WHERE b.bin = 1), 0),
        coalesce(sum(b.bin_correct) FILTER (WHERE b.bin = 2), 0),
        coalesce(sum(b.bin_correct) FILTER (WHERE b.bin = 3), 0),
        coalesce(sum(b.bin_correct) FILTER (WHERE b.bin = 4), 0),
        coalesce(sum(b.bin_correct) FILTER (WHERE b.bin = 5), 0),
        coalesce(sum(b.bin_correct) FILTER (WHERE b.bin = 6), 0),
        coalesce(sum(b.bin_correct) FILTER (WHERE b.bin = 7), 0),
        coalesce(sum(b.bin_correct) FILTER (WHERE b.bin = 8), 0),
        coalesce(sum(b.bin_correct) FILTER (WHERE b.bin = 9), 0)
    ] AS bin_correct,
    ARRAY[
        coalesce(sum(b.confidence) FILTER (WHERE b.bin = 0), 0),
        coalesce(sum(b.confidence) FILTER (WHERE b.bin = 1), 0),
        coalesce(sum(b.confidence) FILTER (WHERE b.bin = 2), 0),
        coalesce(sum(b.confidence) FILTER (WHERE b.bin = 3), 0),
        coalesce(sum(b.confidence) FILTER (WHERE b.bin = 4), 0),
        coalesce(sum(b.confidence) FILTER (WHERE b.bin = 5), 0),
        coalesce(sum(b.confidence) FILTER (WHERE b.bin = 6), 0),
        coalesce(sum(b.confidence) FILTER (WHERE b.bin = 7), 0),
        coalesce(sum(b.confidence) FILTER (WHERE b.bin = 8), 0),
        coalesce(sum(b.confidence) FILTER (WHERE b.bin = 9), 0)
    ] AS bin_confidence,
    sum(b.supported_winners) AS supported_winners, sum(b.supported_losers) AS supported_losers,
    sum(b.opposed_winners) AS opposed_winners, sum(b.opposed_losers) AS opposed_losers,
    sum(b.abstained_winners) AS abstained_winners, sum(b.abstained_losers) AS abstained_losers
FROM binned AS b
INNER JOIN LATERAL (
    SELECT null AS version, null AS symbol
    UNION ALL
    SELECT scope.version, scope.symbol
    FROM (VALUES (b.version, null), (null, b.symbol), (b.version, b.symbol)) AS scope (version, symbol)
    WHERE b.version IS NOT NULL
) AS s ON true
GROUP BY b.day, s.version, s.symbol, b.group_value, b.agent;
