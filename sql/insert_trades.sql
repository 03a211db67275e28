-- One row per BUY or SELL decision just accepted. Called by recording.
INSERT INTO scorekeeper.trade (
    trade_id, symbol, version, direction, entry_price, opened_at, expires_at, stop_loss, take_profit,
    trailing_stop_pct, best_price, fee_bps, close_requested_at
)
SELECT
    trade_id, symbol, version, direction, price, opened_at, expires_at, stop_loss, take_profit,
    trailing_stop_pct, CASE WHEN trailing_stop_pct IS NOT NULL THEN price END, fee_bps,
    close_requested_at
FROM incoming_decision
WHERE accepted AND direction <> 0;
