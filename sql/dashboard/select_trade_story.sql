-- At most one row: the decision of an id, with its trade's columns (null: it opened none), the range of the
-- symbol's sealed candles, and how long one lasts. No row for an id that is not known. Parameter: trade_id.
SELECT
    d.trade_id, d.version, d.symbol, d.raw_symbol, d.bar_interval, d.action, d.direction, d.understood, d.price,
    d.confidence, d.opened_at, d.expires_at, d.received_at, d.late, d.reason,
    -- In the units of the candles, as the trade is.
    d.stop_loss * coalesce(d.price_scale, 1) AS stop_loss,
    d.take_profit * coalesce(d.price_scale, 1) AS take_profit, d.price_scale, d.trailing_stop_pct,
    d.position_size, d.source_name, d.source_line, d.extra, d.notes, d.reference_price,
    d.price_suspect, d.horizon_price, d.horizon_return_pct, d.horizon_known_at, d.voided_at, d.void_reason,
    d.opened_trade, d.entry_price, d.fee_bps, d.best_price, d.trailing_level, d.close_requested_at, d.signal_at,
    d.signal_id, d.exit_time, d.exit_price, d.exit_reason, d.exit_known_at, d.price_source, d.price_age_seconds,
    d.ambiguous_exit, d.pnl_pct, d.net_pnl_pct, d.mfe_pct, d.mae_pct, d.hold_time_minutes, d.met_at, d.closed_from,
    d.judged_from,
    c.sealed_from, c.sealed_until, s.candles_from, s.last_as_of,
    cast(extract(EPOCH FROM l.length) / 60 AS integer) AS candle_minutes
FROM scorekeeper.report_decisions AS d
LEFT JOIN scorekeeper.report_coverage AS c ON d.symbol = c.symbol
CROSS JOIN scorekeeper.report_status AS s
CROSS JOIN scorekeeper.report_candle_length AS l
WHERE d.trade_id = :trade_id;
