-- One row per decision that is new.
COPY scorekeeper.decision (
    trade_id, content_sha256, source_sha256, source_name, source_line, received_at, symbol, raw_symbol, bar_interval,
    action, direction, price, confidence, opened_at, expires_at, version, reason, stop_loss, take_profit,
    trailing_stop_pct, position_size, extra, understood, notes, reading_id
) FROM STDIN;
