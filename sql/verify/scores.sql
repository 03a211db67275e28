-- name: select_stale_days
-- One row per kind of rollup and UTC day that the next track computes again.
SELECT kind, day
FROM scorekeeper.stale_day;


-- name: select_scored_trades
-- One row per closed trade that counts, in order of exit_time and trade_id. Parameter: kept_from (null: all of them).
SELECT
    cast(t.exit_time AT TIME ZONE 'UTC' AS date) AS day, t.version, t.symbol, t.exit_time, t.opened_at, t.mfe_pct,
    t.mae_pct, t.pnl_pct, t.net_pnl_pct
FROM scorekeeper.trade AS t
INNER JOIN scorekeeper.decision AS d ON t.trade_id = d.trade_id
WHERE
    t.exit_time >= coalesce(cast(:kept_from AS timestamptz), '-infinity')
    AND d.voided_at IS NULL AND d.price_suspect IS NOT TRUE
ORDER BY t.exit_time, t.trade_id;


-- name: select_termed_trades
-- One row per closed trade that counts and has a term beside its fee, in order of exit_time. Parameter: kept_from
-- (null: all of them).
SELECT
    t.version, t.symbol, t.exit_time, t.exit_reason, t.pnl_pct, t.net_pnl_pct, t.__cost_columns__
FROM scorekeeper.trade AS t
INNER JOIN scorekeeper.decision AS d ON t.trade_id = d.trade_id
WHERE
    t.exit_time >= coalesce(cast(:kept_from AS timestamptz), '-infinity')
    AND d.voided_at IS NULL AND d.price_suspect IS NOT TRUE
    AND num_nonnulls(t.__cost_columns__) > 0
ORDER BY t.exit_time;


-- name: count_expiries
-- One row per UTC day on which decisions expire, in order, and how many do. Parameter: kept_from (null: all of them).
SELECT cast(d.expires_at AT TIME ZONE 'UTC' AS date) AS day, count(*) AS decisions
FROM scorekeeper.decision AS d
WHERE d.expires_at >= coalesce(cast(:kept_from AS timestamptz), '-infinity')
GROUP BY day
ORDER BY day;


-- name: select_scored_signals
-- One row per kind of agents' signals alike, on decisions that count and whose horizon return or exit is known, in
-- order of day: how many of them there are. A kind is of a UTC day of expiry, version, symbol and agent; and either
-- (is_sure false) of direction, how the price moved (null: unknown), whether the signal went with the closed trade
-- (1, -1 or 0; null: there is none) and how that ended; or (is_sure true), of calls with a confidence that a move
-- judged, of confidence and whether they were right. sum_return_pct: of known horizon returns, in exact digits.
-- Parameters: since, until (of expires_at).
WITH judged AS MATERIALIZED ( -- noqa: ST03
    SELECT
        d.trade_id, d.version, d.symbol, cast(d.expires_at AT TIME ZONE 'UTC' AS date) AS day,
        sign(h.return_pct) AS moved, cast(cast(h.return_pct AS text) AS numeric) AS return_pct,
        t.direction AS side, sign(t.pnl_pct) AS ended
    FROM scorekeeper.decision AS d
    LEFT JOIN scorekeeper.trade AS t ON d.trade_id = t.trade_id AND t.exit_time IS NOT NULL
    CROSS JOIN
        LATERAL (
            VALUES (CASE WHEN d.horizon_known_at IS NOT NULL THEN d.horizon_return_pct END)
        ) AS h (return_pct)
    WHERE
        d.voided_at IS NULL AND d.price_suspect IS NOT TRUE
        AND d.expires_at >= cast(:since AS timestamptz) AND d.expires_at < cast(:until AS timestamptz)
        AND (d.horizon_known_at IS NOT NULL OR t.trade_id IS NOT NULL)
),
said AS (
    SELECT
        j.day, j.version, j.symbol, a.agent, a.direction, j.moved, j.return_pct,
        a.direction * j.side AS backed, j.ended,
        CASE WHEN a.direction <> 0 AND j.moved <> 0 THEN a.confidence END AS confidence,
        a.direction * j.moved > 0 AS is_right
    FROM judged AS j
    INNER JOIN scorekeeper.agent_signal AS a ON j.trade_id = a.trade_id
)
SELECT
    s.day, s.version, s.symbol, s.agent, grouping(s.direction) = 1 AS is_sure,
    s.direction, s.moved, s.backed, s.ended, s.confidence, s.is_right,
    count(*) AS signals, sum(s.return_pct) AS sum_return_pct
FROM said AS s
GROUP BY
    GROUPING SETS (
        (s.day, s.version, s.symbol, s.agent, s.direction, s.moved, s.backed, s.ended),
        (s.day, s.version, s.symbol, s.agent, s.confidence, s.is_right)
    )
HAVING grouping(s.direction) = 0 OR s.confidence IS NOT NULL
ORDER BY s.day;


-- name: select_all_daily_scores
-- One row per row of daily_score, in order of day.
SELECT
    version, symbol, after_fees,
    day, trades, winners, losers, sum_pct, sum_squares, sum_winners_pct, sum_losers_pct, hold_seconds,
    hold_seconds_winners, hold_seconds_losers, sum_mfe_pct, sum_mae_pct, sum_given_back_pct, path_high_pct,
    path_high_at, path_low_pct, path_fall_pct, first_exit_at, leading_wins, trailing_wins, longest_wins,
    leading_losses, trailing_losses, longest_losses
FROM scorekeeper.daily_score
ORDER BY day;


-- name: select_all_agent_daily_scores
-- One row per row of agent_daily_score, in order of day.
SELECT
    day, version, symbol, agent, signals, calls, correct, incorrect, sum_call_return_pct, brier_calls, sum_brier,
    bin_calls, bin_correct, bin_confidence,
    supported_winners, supported_losers, opposed_winners, opposed_losers, abstained_winners, abstained_losers
FROM scorekeeper.agent_daily_score
ORDER BY day;


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
