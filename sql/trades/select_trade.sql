-- At most one row: a trade with its decision's state. Parameter: trade_id.
SELECT
    d.trade_id, d.symbol, d.action, d.voided_at, t.opened_at, t.expires_at, t.close_requested_at, t.exit_time,
    t.exit_price, t.exit_reason, t.pnl_pct, t.trade_id IS NOT NULL AS is_trade
FROM scorekeeper.decision AS d
LEFT JOIN scorekeeper.trade AS t ON d.trade_id = t.trade_id
WHERE d.trade_id = :trade_id;
