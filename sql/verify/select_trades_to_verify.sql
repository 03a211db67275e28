-- One row per decision of a symbol with its trade, as stored, and whether a settlement has looked at it yet.
-- Parameter: symbol.
SELECT
    d.trade_id, d.tracked, d.direction AS decision_direction, d.price, d.opened_at, d.expires_at, d.reference_price,
    d.horizon_price, d.horizon_return_pct, t.direction, t.entry_price, t.stop_loss, t.take_profit,
    t.trailing_stop_pct, t.close_requested_at, t.fee_bps, t.exit_time, t.exit_price, t.exit_reason, t.ambiguous_exit,
    t.price_age_seconds, t.pnl_pct, t.net_pnl_pct, t.mfe_pct, t.mae_pct, t.price_source,
    t.version, t.scanned, t.signal_at, t.signal_id, t.exit_known_at,
    t.left_out, d.voided_at IS NOT NULL OR d.price_suspect IS TRUE AS must_be_left_out
FROM scorekeeper.decision AS d
LEFT JOIN scorekeeper.trade AS t ON d.trade_id = t.trade_id
WHERE d.symbol = :symbol
ORDER BY d.opened_at, d.trade_id;
