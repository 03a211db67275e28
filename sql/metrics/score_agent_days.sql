-- One row per UTC day of expires_at, scope (all, version, symbol, both) and agent, for the given days.
-- Parameters: days (date array), since and until (the start of the first day and the end of the last, for the planner:
-- see score_days), as_of (a trade that closed later does not count yet).
INSERT INTO scorekeeper.agent_daily_score (
    day, version, symbol, agent, signals, calls, correct, incorrect, sum_call_return_pct, brier_calls, sum_brier,
    bin_calls, bin_correct, bin_confidence,
    supported_winners, supported_losers, opposed_winners, opposed_losers, abstained_winners, abstained_losers
)
WITH said AS ( -- noqa: ST03
    SELECT
        d.day, n.version, n.symbol, cast(null AS text) AS group_value, a.agent, a.direction, a.confidence,
        n.horizon_known_at, n.horizon_return_pct, t.pnl_pct, t.direction AS side
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
)
-- with summed: metrics/sum_counted_signals
SELECT
    day, version, symbol, agent, signals, calls, correct, incorrect, sum_call_return_pct, brier_calls, sum_brier,
    bin_calls, bin_correct, bin_confidence,
    supported_winners, supported_losers, opposed_winners, opposed_losers, abstained_winners, abstained_losers
FROM summed;
