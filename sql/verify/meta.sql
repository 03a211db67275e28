-- name: select_meta_until
-- At most one row: the last midnight at or before `until` with rows of a version's meta-model, in microseconds.
-- Parameters: version, until.
SELECT cast(extract(EPOCH FROM max(m.as_of)) * 1000000 AS bigint) AS as_of
FROM scorekeeper.meta_model AS m
WHERE m.version = :version AND m.as_of <= :until;


-- name: select_meta_trades
-- One row per closed trade of a version that is an outcome, or is stored as one, and expires at or before `until` (in
-- microseconds), in order; with what is stored of it (is_stored), and its calls. Parameters: version, until.
SELECT
    o.trade_id, cast(extract(EPOCH FROM o.opened_at) * 1000000 AS bigint) AS opened,
    cast(extract(EPOCH FROM o.expires_at) * 1000000 AS bigint) AS expires, o.uniqueness, o.score,
    t.direction AS side, t.symbol, d.confidence, t.net_pnl_pct AS net_pct,
    t.direction * d.horizon_return_pct - t.fee_bps * (2 + d.horizon_return_pct / 100) / 100 AS horizon_net_pct,
    k.trade_id IS NOT NULL AS is_stored,
    cast(extract(EPOCH FROM k.released_at) * 1000000 AS bigint) AS released,
    k.uniqueness AS stored_uniqueness, k.net_pct AS stored_net_pct, k.horizon_net_pct AS stored_horizon_net_pct,
    k.hour_size, k.day_size, k.hour_return,
    k.p_net, k.market_net, k.base_net, k.kept_net, k.p_horizon, k.market_horizon, k.base_horizon, k.kept_horizon,
    s.agents, s.directions, s.confidences
FROM scorekeeper.learned_outcome AS o
INNER JOIN scorekeeper.trade AS t ON o.trade_id = t.trade_id
INNER JOIN scorekeeper.decision AS d ON o.trade_id = d.trade_id
LEFT JOIN scorekeeper.meta_trade AS k
    ON o.version = k.version AND o.expires_at = k.expires_at AND o.trade_id = k.trade_id
LEFT JOIN LATERAL (
    SELECT
        array_agg(g.agent ORDER BY g.agent) AS agents, array_agg(g.direction ORDER BY g.agent) AS directions,
        array_agg(g.confidence ORDER BY g.agent) AS confidences
    FROM scorekeeper.agent_signal AS g
    WHERE g.trade_id = o.trade_id AND g.direction <> 0
) AS s ON true
WHERE
    o.version = :version AND t.exit_time IS NOT NULL
    AND o.expires_at <= to_timestamp(0) + cast(:until AS bigint) * interval '1 microsecond'
ORDER BY o.expires_at, o.trade_id;


-- name: count_meta_trades
-- One row: how many trades of a version are stored up to `until` (in microseconds). Parameters: version, until.
SELECT count(*)
FROM scorekeeper.meta_trade AS k
WHERE
    k.version = :version AND k.expires_at <= to_timestamp(0) + cast(:until AS bigint) * interval '1 microsecond';


-- name: select_moved_symbols
-- One row per symbol of a version: from when on its candles count for how the market moved (first_at), how long a
-- candle is, and since when candles are kept (null: none was pruned); times in microseconds. Parameter: version.
SELECT
    d.symbol, cast(extract(EPOCH FROM min(d.opened_at)) * 1000000 AS bigint) AS first_at,
    cast(k.candle_seconds AS bigint) * 1000000 AS width,
    cast(extract(EPOCH FROM k.candles_from) * 1000000 AS bigint) AS kept_from
FROM scorekeeper.decision AS d
CROSS JOIN scorekeeper.market AS k
WHERE
    d.version = :version
    AND d.voided_at IS NULL AND d.reference_price IS NOT NULL AND d.price_suspect IS FALSE AND NOT d.late
GROUP BY d.symbol, k.candle_seconds, k.candles_from;


-- name: select_meta_models
-- One row per target and midnight of a version, in order. Parameters: version, until (in microseconds).
SELECT
    cast(extract(EPOCH FROM m.as_of) * 1000000 AS bigint) AS as_of, m.target, m.trades, m.independent_trades,
    m.coefficients,
    cast(extract(EPOCH FROM cast(m.coefficients ->> 'fitted_at' AS timestamptz)) * 1000000 AS bigint) AS fitted,
    m.metrics, m.informs, m.worth_it
FROM scorekeeper.meta_model AS m
WHERE
    m.version = :version AND m.as_of <= to_timestamp(0) + cast(:until AS bigint) * interval '1 microsecond'
ORDER BY m.target, m.as_of;
