-- One row per open trade with its last mark, at most so many; what opened after the last as_of counts nowhere yet.
-- Parameter: most.
SELECT
    trade_id, version, symbol, CASE direction WHEN 1 THEN 'long' ELSE 'short' END AS side, entry_price, opened_at,
    expires_at, stop_loss, trailing_level, take_profit, mark_price, mark_at, pnl_pct,
    age_minutes, minutes_to_expiry, distance_to_stop_pct, distance_to_target_pct
FROM scorekeeper.report_open_trades
WHERE opened_at <= coalesce((SELECT m.last_as_of FROM scorekeeper.market AS m), 'infinity')
ORDER BY opened_at, trade_id
LIMIT :most;
