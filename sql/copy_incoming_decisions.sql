-- One row per decision of the batch. Called by recording.
COPY incoming_decision (
    row_no, trade_id, content_sha256, source_sha256, source_name, source_line, received_at, symbol, raw_symbol,
    bar_interval, action, direction, price, confidence, opened_at, expires_at, version, reason, stop_loss,
    take_profit, trailing_stop_pct, position_size, extra, fee_bps
) FROM STDIN;
