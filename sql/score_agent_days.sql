-- One row per UTC day of expires_at, scope (all, version, symbol, both) and agent, for the given days.
-- Calls are scored where the horizon return is known; support and dissent where a trade closed.
-- Parameters: days (date array), as_of (what closed later counts nowhere yet). Called by score.
INSERT INTO scorekeeper.agent_daily_score (
    day, version, symbol, agent, signals, calls, correct, incorrect, sum_call_return_pct, brier_calls, sum_brier,
    supported_winners, supported_losers, opposed_winners, opposed_losers, abstained_winners, abstained_losers
)
WITH said AS (
    SELECT
        d.day, n.version, n.symbol, a.agent, a.direction,
        n.horizon_known_at IS NOT NULL AS known,
        a.direction * sign(n.horizon_return_pct) AS right_way,
        a.direction * cast(cast(n.horizon_return_pct AS text) AS numeric) AS call_return,
        cast(cast(a.confidence AS text) AS numeric) / 100 AS p,
        sign(t.pnl_pct) AS won,
        a.direction * t.direction AS backing
    FROM unnest(cast(:days AS date[])) AS d (day)
    INNER JOIN scorekeeper.decision AS n
        ON
            n.expires_at >= cast(d.day AS timestamp) AT TIME ZONE 'UTC'
            AND n.expires_at < cast(d.day + 1 AS timestamp) AT TIME ZONE 'UTC'
            AND n.voided_at IS NULL AND n.price_suspect IS NOT TRUE
    INNER JOIN scorekeeper.agent_signal AS a ON n.trade_id = a.trade_id
    LEFT JOIN scorekeeper.trade AS t ON n.trade_id = t.trade_id AND t.exit_time <= :as_of
    WHERE n.horizon_known_at IS NOT NULL OR t.trade_id IS NOT NULL
)
SELECT
    day, s.version, s.symbol, agent,
    count(*) FILTER (WHERE known), count(*) FILTER (WHERE known AND direction <> 0),
    count(*) FILTER (WHERE right_way > 0), count(*) FILTER (WHERE right_way < 0),
    coalesce(sum(call_return) FILTER (WHERE direction <> 0), 0),
    count(*) FILTER (WHERE right_way <> 0 AND p IS NOT NULL),
    coalesce(
        sum((p - CASE WHEN right_way > 0 THEN 1 ELSE 0 END) * (p - CASE WHEN right_way > 0 THEN 1 ELSE 0 END))
        FILTER (WHERE right_way <> 0),
        0
    ),
    count(*) FILTER (WHERE backing = 1 AND won > 0), count(*) FILTER (WHERE backing = 1 AND won < 0),
    count(*) FILTER (WHERE backing = -1 AND won > 0), count(*) FILTER (WHERE backing = -1 AND won < 0),
    count(*) FILTER (WHERE backing = 0 AND won > 0), count(*) FILTER (WHERE backing = 0 AND won < 0)
FROM said
CROSS JOIN
    LATERAL (VALUES (null, null), (said.version, null), (null, said.symbol), (said.version, said.symbol))
        AS s (version, symbol)
GROUP BY day, s.version, s.symbol, agent;
