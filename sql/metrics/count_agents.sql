-- One row per group of a breakdown (by; null: the whole) and agent: the columns of agent_daily_score, counted from the
-- signals of a scope (null: all) whose decisions expired in [since, until) (null: no limit); by side, of those that
-- opened a trade. A trade that closed after `at` (null: no limit) does not count yet. There is no group by exit_reason:
-- the price decides what ends a trade, and agents are scored on the price.
-- Parameters: version, symbol, since, until, include_suspect, exclude_late, by, at, zone (of weekday and hour).
WITH said AS ( -- noqa: ST03
    SELECT
        cast(null AS date) AS day, cast(null AS text) AS version, cast(null AS text) AS symbol,
        CASE cast(:by AS text)
            WHEN 'symbol' THEN n.symbol
            WHEN 'interval' THEN n.bar_interval
            WHEN 'side' THEN CASE n.direction WHEN 1 THEN 'long' ELSE 'short' END
            WHEN 'version' THEN n.version
            WHEN 'confidence'
                THEN cast(width_bucket(n.confidence, ARRAY[10, 20, 30, 40, 50, 60, 70, 80, 90]) AS text)
            WHEN 'weekday' THEN to_char(n.opened_at AT TIME ZONE cast(:zone AS text), 'ID')
            WHEN 'hour' THEN to_char(n.opened_at AT TIME ZONE cast(:zone AS text), 'HH24')
        END AS group_value,
        a.agent, a.direction, a.confidence, n.horizon_known_at, n.horizon_return_pct, t.pnl_pct, t.direction AS side
    FROM scorekeeper.decision AS n
    INNER JOIN scorekeeper.agent_signal AS a ON n.trade_id = a.trade_id
    LEFT JOIN scorekeeper.trade AS t
        ON
            n.trade_id = t.trade_id AND t.exit_time IS NOT NULL
            AND (cast(:at AS timestamptz) IS NULL OR t.exit_time <= :at)
    WHERE
        n.voided_at IS NULL
        AND (cast(:include_suspect AS boolean) OR n.price_suspect IS NOT TRUE)
        AND NOT (cast(:exclude_late AS boolean) AND n.late)
        AND (cast(:version AS text) IS NULL OR n.version = :version)
        AND (cast(:symbol AS text) IS NULL OR n.symbol = :symbol)
        AND (cast(:since AS timestamptz) IS NULL OR n.expires_at >= :since)
        AND (cast(:until AS timestamptz) IS NULL OR n.expires_at < :until)
        AND (n.horizon_known_at IS NOT NULL OR t.trade_id IS NOT NULL)
        AND (cast(:by AS text) IS DISTINCT FROM 'side' OR n.direction <> 0)
)
-- with summed: metrics/sum_counted_signals
SELECT
    group_value, agent, signals, calls, correct, incorrect, sum_call_return_pct, brier_calls, sum_brier,
    bin_correct, bin_confidence,
    supported_winners, supported_losers, opposed_winners, opposed_losers, abstained_winners, abstained_losers
FROM summed
ORDER BY group_value, agent;
