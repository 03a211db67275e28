-- One row per decision just copied that has a direction.
COPY scorekeeper.trade (
    trade_id, symbol, version, direction, entry_price, opened_at, expires_at, stop_loss, take_profit,
    trailing_stop_pct, best_price, fee_bps, close_requested_at
) FROM STDIN;
