-- One row per UTC day of expires_at, scope (all, version, symbol, both) and agent, for the given days.
-- Calls are scored where the horizon return is known; support and dissent where a trade closed. Bins: by confidence,
-- [0, 10), [10, 20) … [80, 90), [90, 100], of the calls that the Brier score counts.
-- Counted once by version, symbol and bin, and then for each scope.
-- Parameters: days (date array), since and until (their first moment and their end, for the planner: see score_days),
-- as_of (what closed later counts nowhere yet).
INSERT INTO scorekeeper.agent_daily_score (
    day, version, symbol, agent, signals, calls, correct, incorrect, sum_call_return_pct, brier_calls, sum_brier,
    bin_calls, bin_correct, bin_confidence,
    supported_winners, supported_losers, opposed_winners, opposed_losers, abstained_winners, abstained_losers
)
WITH said AS (
    SELECT
        d.day, n.version, n.symbol, a.agent, a.direction,
        n.horizon_known_at IS NOT NULL AS known,
        a.direction * sign(n.horizon_return_pct) AS right_way,
        a.direction * cast(cast(n.horizon_return_pct AS text) AS numeric) AS call_return,
        cast(cast(a.confidence AS text) AS numeric) AS c,
        sign(t.pnl_pct) AS won,
        a.direction * t.direction AS backing
    FROM unnest(cast(:days AS date[])) AS d (day)
    INNER JOIN scorekeeper.decision AS n
        ON
            n.expires_at >= cast(d.day AS timestamp) AT TIME ZONE 'UTC'
            AND n.expires_at < cast(d.day + 1 AS timestamp) AT TIME ZONE 'UTC'
            AND n.expires_at >= cast(:since AS timestamptz) AND n.expires_at < cast(:until AS timestamptz)
            AND n.voided_at IS NULL AND n.price_suspect IS NOT TRUE
    INNER JOIN scorekeeper.agent_signal AS a ON n.trade_id = a.trade_id
    LEFT JOIN scorekeeper.trade AS t ON n.trade_id = t.trade_id AND t.exit_time <= :as_of
    WHERE n.horizon_known_at IS NOT NULL OR t.trade_id IS NOT NULL
),
sure AS (
    SELECT
        *, CASE WHEN right_way > 0 THEN 1 ELSE 0 END AS y,
        CASE WHEN right_way <> 0 THEN width_bucket(c, ARRAY[10, 20, 30, 40, 50, 60, 70, 80, 90]) END AS bin
    FROM said
),
counted AS (
    SELECT
        day, version, symbol, agent, bin,
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
    GROUP BY day, version, symbol, agent, bin
)
SELECT
    c.day, s.version, s.symbol, c.agent, sum(c.signals), sum(c.calls), sum(c.correct), sum(c.incorrect),
    coalesce(sum(c.returns), 0), sum(bin_calls), coalesce(sum(c.squares), 0),
    ARRAY[
        coalesce(sum(bin_calls) FILTER (WHERE bin = 0), 0), coalesce(sum(bin_calls) FILTER (WHERE bin = 1), 0),
        coalesce(sum(bin_calls) FILTER (WHERE bin = 2), 0), coalesce(sum(bin_calls) FILTER (WHERE bin = 3), 0),
        coalesce(sum(bin_calls) FILTER (WHERE bin = 4), 0), coalesce(sum(bin_calls) FILTER (WHERE bin = 5), 0),
        coalesce(sum(bin_calls) FILTER (WHERE bin = 6), 0), coalesce(sum(bin_calls) FILTER (WHERE bin = 7), 0),
        coalesce(sum(bin_calls) FILTER (WHERE bin = 8), 0), coalesce(sum(bin_calls) FILTER (WHERE bin = 9), 0)
    ],
    ARRAY[
        coalesce(sum(bin_correct) FILTER (WHERE bin = 0), 0), coalesce(sum(bin_correct) FILTER (WHERE bin = 1), 0),
        coalesce(sum(bin_correct) FILTER (WHERE bin = 2), 0), coalesce(sum(bin_correct) FILTER (WHERE bin = 3), 0),
        coalesce(sum(bin_correct) FILTER (WHERE bin = 4), 0), coalesce(sum(bin_correct) FILTER (WHERE bin = 5), 0),
        coalesce(sum(bin_correct) FILTER (WHERE bin = 6), 0), coalesce(sum(bin_correct) FILTER (WHERE bin = 7), 0),
        coalesce(sum(bin_correct) FILTER (WHERE bin = 8), 0), coalesce(sum(bin_correct) FILTER (WHERE bin = 9), 0)
    ],
    ARRAY[
        coalesce(sum(confidence) FILTER (WHERE bin = 0), 0), coalesce(sum(confidence) FILTER (WHERE bin = 1), 0),
        coalesce(sum(confidence) FILTER (WHERE bin = 2), 0), coalesce(sum(confidence) FILTER (WHERE bin = 3), 0),
        coalesce(sum(confidence) FILTER (WHERE bin = 4), 0), coalesce(sum(confidence) FILTER (WHERE bin = 5), 0),
        coalesce(sum(confidence) FILTER (WHERE bin = 6), 0), coalesce(sum(confidence) FILTER (WHERE bin = 7), 0),
        coalesce(sum(confidence) FILTER (WHERE bin = 8), 0), coalesce(sum(confidence) FILTER (WHERE bin = 9), 0)
    ],
    sum(c.supported_winners), sum(c.supported_losers), sum(c.opposed_winners), sum(c.opposed_losers),
    sum(c.abstained_winners), sum(c.abstained_losers)
FROM counted AS c
CROSS JOIN
    LATERAL (VALUES (null, null), (c.version, null), (null, c.symbol), (c.version, c.symbol)) AS s (version, symbol)
GROUP BY c.day, s.version, s.symbol, c.agent;
