-- One row per UTC day of expires_at, scope (all, version, symbol, both) and agent, for the given days.
-- Parameters: days (date array), since and until (the start of the first day and the end of the last; between them few
-- other days may lie, since their decisions are read too), as_of (a trade that closed later does not count yet).
-- A decision says its day itself, for the reason that score_days gives.
INSERT INTO scorekeeper.agent_daily_score (
    day, version, symbol, agent, signals, calls, correct, incorrect, sum_call_return_pct, brier_calls, sum_brier,
    bin_calls, bin_correct, bin_confidence,
    supported_winners, supported_losers, opposed_winners, opposed_losers, abstained_winners, abstained_losers
)
WITH ended AS MATERIALIZED ( -- a decision's trade is looked up once, not for each of its agents
    SELECT
        d.trade_id, d.version, d.symbol, d.horizon_known_at, d.horizon_return_pct, t.pnl_pct, t.direction AS side,
        cast(d.expires_at AT TIME ZONE 'UTC' AS date) AS day
    FROM scorekeeper.decision AS d
    -- By its id alone, as in match_exits: before its statistics know of the closes, the planner expects none.
    LEFT JOIN LATERAL (
        SELECT o.exit_time, o.trade_id, o.pnl_pct, o.direction FROM scorekeeper.trade AS o
        WHERE o.trade_id = d.trade_id
        ORDER BY o.trade_id OFFSET 0
    ) AS t ON t.exit_time <= :as_of
    WHERE
        d.expires_at >= cast(:since AS timestamptz) AND d.expires_at < cast(:until AS timestamptz)
        AND cast(d.expires_at AT TIME ZONE 'UTC' AS date) = any(cast(:days AS date[]))
        AND d.voided_at IS NULL AND d.price_suspect IS NOT TRUE
        AND (d.horizon_known_at IS NOT NULL OR t.trade_id IS NOT NULL)
),
said AS ( -- noqa: ST03
    SELECT
        n.day, n.version, n.symbol, cast(null AS text) AS group_value, a.agent, a.direction, a.confidence,
        n.horizon_known_at, n.horizon_return_pct, n.pnl_pct, n.side
    FROM ended AS n
    INNER JOIN scorekeeper.agent_signal AS a ON n.trade_id = a.trade_id
)
-- with summed: metrics/sum_counted_signals
SELECT
    day, version, symbol, agent, signals, calls, correct, incorrect, sum_call_return_pct, brier_calls, sum_brier,
    bin_calls, bin_correct, bin_confidence,
    supported_winners, supported_losers, opposed_winners, opposed_losers, abstained_winners, abstained_losers
FROM summed;
