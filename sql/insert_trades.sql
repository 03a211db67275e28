-- One row per BUY or SELL decision just accepted. Called by ingest.record.
INSERT INTO scorekeeper.trade (
    trade_id, symbol, version, direction, entry_price, opened_at, expires_at, stop_loss, take_profit, fee_bps
)
SELECT
    trade_id, symbol, version, direction, price, opened_at, expires_at, stop_loss, take_profit, fee_bps
FROM incoming_decision
WHERE accepted AND direction <> 0;
