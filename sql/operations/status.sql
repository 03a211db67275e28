-- name: select_status
-- One row: the market, the last track, and how many decisions, trades and rejections there are.
SELECT
    (SELECT m.name FROM scorekeeper.market AS m) AS market,
    (SELECT m.last_as_of FROM scorekeeper.market AS m) AS last_as_of,
    (SELECT count(*) FROM scorekeeper.decision) AS decisions,
    (
        SELECT count(*) FROM scorekeeper.trade AS t
        WHERE t.exit_time IS NULL
    ) AS open_trades,
    (
        SELECT count(*) FROM scorekeeper.trade AS t
        WHERE t.exit_time IS NOT NULL
    ) AS closed_trades,
    (
        SELECT count(*) FROM scorekeeper.report_exit_requests AS e
        WHERE e.closed_nothing AND NOT e.opens_trade
    ) AS idle_exits,
    (SELECT count(*) FROM scorekeeper.rejection) AS rejections;


-- name: select_health
-- One row: the server's clock and version, the last track, what waits for it, and up to when it is learned. Parameter:
-- unmoved_since (arrivals from before it should have left the inbox).
SELECT
    clock_timestamp() AS database_now,
    current_setting('server_version') AS server_version,
    (SELECT m.last_as_of FROM scorekeeper.market AS m) AS last_as_of,
    (SELECT max(l.learned_until) FROM scorekeeper.learning_progress AS l) AS learned_until,
    exists(
        SELECT 1 FROM scorekeeper.decision AS d
        WHERE d.horizon_known_at IS NULL
    ) AS waits,
    (
        SELECT min(d.received_at) FROM scorekeeper.decision AS d
        WHERE NOT EXISTS (
            SELECT 1 FROM scorekeeper.market AS m
            WHERE m.last_as_of IS NOT NULL
        )
    ) AS untracked_since,
    (
        SELECT count(*) FROM scorekeeper.file_arrival AS a
        WHERE a.moved_at IS NULL AND a.outcome <> 'reading' AND a.arrived_at < :unmoved_since
    ) AS unmoved_files;


-- name: select_candle_length
-- One row: how long a candle of the market lasts, at most.
SELECT length
FROM scorekeeper.report_candle_length;


-- name: select_price_troubles
-- One row per symbol whose prices the last track could not get up to its as_of, in order.
SELECT symbol, kind, says
FROM scorekeeper.price_trouble
ORDER BY symbol;


-- name: select_open_trades
-- One row per open trade with its last mark, at most `most` rows. Trades that opened after the last track are left out.
-- Parameter: most.
SELECT
    trade_id, version, symbol, CASE direction WHEN 1 THEN 'long' ELSE 'short' END AS side, entry_price, opened_at,
    expires_at, stop_loss, trailing_level, take_profit, mark_price, mark_at, pnl_pct,
    age_minutes, minutes_to_expiry, distance_to_stop_pct, distance_to_target_pct
FROM scorekeeper.report_open_trades
WHERE opened_at <= coalesce((SELECT m.last_as_of FROM scorekeeper.market AS m), 'infinity')
ORDER BY opened_at, trade_id
LIMIT :most;
