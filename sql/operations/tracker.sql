-- name: select_open_to_quote
-- One row per open trade without a sealed candle since it opened. Parameter: at.
SELECT t.trade_id, t.symbol, t.opened_at, t.signal_at
FROM scorekeeper.trade AS t
INNER JOIN scorekeeper.decision AS d ON t.trade_id = d.trade_id AND d.voided_at IS NULL
LEFT JOIN scorekeeper.candle_coverage AS c ON t.symbol = c.symbol
WHERE t.exit_time IS NULL AND t.opened_at <= :at AND (c.sealed_until IS NULL OR c.sealed_until <= t.opened_at)
ORDER BY t.opened_at, t.trade_id;


-- name: select_trade_record
-- At most one row: a trade with everything that its record is rendered from. Parameter: trade_id.
SELECT
    'outcome' AS kind, 2 AS form, d.trade_id, d.opened_at, d.version, d.symbol, d.bar_interval, d.action, d.direction,
    d.confidence, d.price, d.reason, d.stop_loss, d.take_profit, d.trailing_stop_pct, d.late,
    d.received_at, d.expires_at, d.horizon_price, d.horizon_return_pct, d.price_suspect,
    d.horizon_known_at IS NOT NULL AS horizon_known, t.exit_time IS NOT NULL AS closed,
    t.exit_time, t.exit_price, t.exit_reason, t.price_source, t.pnl_pct, t.net_pnl_pct, t.mfe_pct, t.mae_pct,
    null AS closes, CASE WHEN t.price_source = 'market' THEN d.price_scale END AS price_scale,
    (
        SELECT json_agg(json_build_array(s.agent, s.signal, s.confidence, s.extra) ORDER BY s.ordinal)
        FROM scorekeeper.agent_signal AS s
        WHERE s.trade_id = d.trade_id
    ) AS agents
FROM scorekeeper.decision AS d
INNER JOIN scorekeeper.trade AS t ON d.trade_id = t.trade_id
WHERE d.trade_id = :trade_id;
