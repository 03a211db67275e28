-- name: select_stale_days
-- One row per kind of rollup and UTC day that the next track computes again.
SELECT kind, day
FROM scorekeeper.stale_day;


-- name: select_scored_trades
-- One row per closed trade that counts.
SELECT t.trade_id, t.version, t.symbol, t.opened_at, t.exit_time, t.pnl_pct, t.net_pnl_pct, t.mfe_pct, t.mae_pct
FROM scorekeeper.trade AS t
INNER JOIN scorekeeper.decision AS d ON t.trade_id = d.trade_id
WHERE t.exit_time IS NOT NULL AND d.voided_at IS NULL AND d.price_suspect IS NOT TRUE;


-- name: select_termed_trades
-- One row per closed trade that counts and has a term beside its fee.
SELECT
    t.version, t.symbol, t.exit_time, t.exit_reason, t.pnl_pct, t.net_pnl_pct, t.__cost_columns__
FROM scorekeeper.trade AS t
INNER JOIN scorekeeper.decision AS d ON t.trade_id = d.trade_id
WHERE
    t.exit_time IS NOT NULL AND d.voided_at IS NULL AND d.price_suspect IS NOT TRUE
    AND num_nonnulls(t.__cost_columns__) > 0;


-- name: select_scored_signals
-- One row per agent's signal on a decision that counts and whose horizon return or exit is known.
SELECT
    a.agent, a.direction, a.confidence, d.version, d.symbol, d.expires_at,
    CASE WHEN d.horizon_known_at IS NOT NULL THEN d.horizon_return_pct END AS horizon_return_pct,
    a.direction * t.direction AS backed, t.pnl_pct
FROM scorekeeper.agent_signal AS a
INNER JOIN scorekeeper.decision AS d ON a.trade_id = d.trade_id
LEFT JOIN scorekeeper.trade AS t ON a.trade_id = t.trade_id AND t.exit_time IS NOT NULL
WHERE
    d.voided_at IS NULL AND d.price_suspect IS NOT TRUE
    AND (d.horizon_known_at IS NOT NULL OR t.trade_id IS NOT NULL);


-- name: select_all_daily_scores
-- One row per row of daily_score.
SELECT
    version, symbol, after_fees,
    day, trades, winners, losers, sum_pct, sum_squares, sum_winners_pct, sum_losers_pct, hold_seconds,
    hold_seconds_winners, hold_seconds_losers, sum_mfe_pct, sum_mae_pct, sum_given_back_pct, path_high_pct,
    path_high_at, path_low_pct, path_fall_pct, first_exit_at, leading_wins, trailing_wins, longest_wins,
    leading_losses, trailing_losses, longest_losses
FROM scorekeeper.daily_score;


-- name: select_all_agent_daily_scores
-- One row per row of agent_daily_score.
SELECT
    day, version, symbol, agent, signals, calls, correct, incorrect, sum_call_return_pct, brier_calls, sum_brier,
    bin_calls, bin_correct, bin_confidence,
    supported_winners, supported_losers, opposed_winners, opposed_losers, abstained_winners, abstained_losers
FROM scorekeeper.agent_daily_score;


-- name: select_scorecards
-- One row per scorecard (version null: all), except those older than the last track.
SELECT s.version, s.as_of, s.answer
FROM scorekeeper.scorecard AS s
LEFT JOIN scorekeeper.market AS m ON true
WHERE m.last_as_of IS NULL OR s.as_of >= m.last_as_of
ORDER BY s.version;


-- name: select_missing_events
-- One row per decision and event (decision, exit, horizon return) that is known and missing in the table event.
SELECT d.trade_id, x.missing
FROM scorekeeper.decision AS d
LEFT JOIN scorekeeper.trade AS t ON d.trade_id = t.trade_id
CROSS JOIN
    LATERAL (
        VALUES
        ('decision', 'decision', true),
        ('outcome', 'exit', t.exit_time IS NOT NULL),
        ('horizon', 'horizon return', d.horizon_known_at IS NOT NULL)
    ) AS x (kind, missing, known)
WHERE
    x.known
    AND NOT EXISTS (
        SELECT 1 FROM scorekeeper.event AS e
        WHERE
            e.trade_id = d.trade_id
            -- The line of an exit holds the horizon return too, if that was known by then.
            AND (e.kind = x.kind OR (x.kind = 'horizon' AND e.kind = 'outcome' AND e.horizon_known))
    )
ORDER BY d.trade_id, x.kind;
