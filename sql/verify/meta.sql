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


-- name: select_meta_moves
-- One row per given trade whose last day of candles is kept: how the market moved before it, by its candles (null:
-- unknown). Parameters: version, trade_ids (text array).
WITH asked AS (
    SELECT t.trade_id, t.symbol, t.opened_at, k.candle_seconds * interval '1 second' AS width
    FROM scorekeeper.trade AS t
    CROSS JOIN scorekeeper.market AS k
    WHERE
        t.trade_id = any(cast(:trade_ids AS text[]))
        AND (k.candles_from IS NULL OR t.opened_at - interval '1 day 1 hour' >= k.candles_from)
),
begun AS (
    SELECT d.symbol, min(d.opened_at) AS first_at
    FROM scorekeeper.decision AS d
    WHERE
        d.version = :version
        AND d.voided_at IS NULL AND d.reference_price IS NOT NULL AND d.price_suspect IS FALSE AND NOT d.late
    GROUP BY d.symbol
),
stepped AS (
    SELECT
        a.trade_id, c.close, a.opened_at - c.minute_at - a.width AS age, -- since the candle's end
        c.minute_at - a.width = lag(c.minute_at) OVER o AS is_step,
        abs(ln(c.close) - ln(lag(c.close) OVER o)) AS size
    FROM asked AS a
    INNER JOIN begun AS b ON a.symbol = b.symbol
    INNER JOIN scorekeeper.candle AS c ON a.symbol = c.symbol AND b.first_at <= c.minute_at
    WHERE
        c.minute_at >= a.opened_at - interval '1 day' - 2 * a.width AND c.minute_at <= a.opened_at - a.width
    WINDOW o AS (PARTITION BY a.trade_id ORDER BY c.minute_at)
),
measured AS (
    SELECT
        a.trade_id, a.width,
        count(*) FILTER (WHERE s.is_step AND s.age < interval '1 hour') AS hour_steps,
        count(*) FILTER (WHERE s.is_step AND s.age < interval '1 day') AS day_steps,
        avg(s.size) FILTER (WHERE s.is_step AND s.age < interval '1 hour') AS hour_size,
        avg(s.size) FILTER (WHERE s.is_step AND s.age < interval '1 day') AS day_size,
        (array_agg(s.close ORDER BY s.age))[1] AS last_close,
        (array_agg(s.close ORDER BY s.age) FILTER (WHERE s.age >= interval '1 hour' AND s.age < interval '2 hours'))[1]
            AS close_before
    FROM asked AS a
    LEFT JOIN stepped AS s ON a.trade_id = s.trade_id
    GROUP BY a.trade_id, a.width
)
SELECT
    m.trade_id,
    CASE WHEN 2 * m.hour_steps * m.width >= interval '1 hour' THEN m.hour_size END AS hour_size,
    CASE WHEN 2 * m.day_steps * m.width >= interval '1 day' THEN m.day_size END AS day_size,
    CASE WHEN 2 * m.hour_steps * m.width >= interval '1 hour' THEN ln(m.last_close) - ln(m.close_before) END
        AS hour_return
FROM measured AS m;


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
