-- name: select_part_blocks
-- One row per stretch of days that answers read, those that others consist of first.
SELECT b.kind, b.level, b.first_day, b.last_day
FROM scorekeeper.report_part_blocks AS b
ORDER BY b.kind, b.level, b.first_day;


-- name: select_part_sums
-- One row per breakdown and version (null: all) of a stretch of days: its parts, as they are stored.
-- Parameters: kind, first_day, last_day.
SELECT breakdown, version, cast(parts AS text) AS parts
FROM scorekeeper.part_sums
WHERE kind = :kind AND first_day = :first_day AND last_day = :last_day;


-- name: select_trades_of_stretch
-- One row per closed trade that counts with its exit in [since, until), in order of exit_time and trade_id.
-- Parameters: since, until.
SELECT
    t.trade_id, t.opened_at, t.exit_time, t.pnl_pct, t.net_pnl_pct, t.mfe_pct, t.mae_pct, t.exit_reason,
    d.symbol, d.version, d.bar_interval, d.direction, d.confidence
FROM scorekeeper.trade AS t
INNER JOIN scorekeeper.decision AS d ON t.trade_id = d.trade_id
WHERE t.exit_time >= :since AND t.exit_time < :until AND d.voided_at IS NULL AND d.price_suspect IS NOT TRUE
ORDER BY t.exit_time, t.trade_id;


-- name: select_signals_of_stretch
-- One row per agent's signal on a decision that counts, whose horizon return or exit is known and that expired in
-- [since, until). Parameters: since, until.
SELECT
    a.agent, a.direction AS said, a.confidence AS stated, a.direction * t.direction AS backed, t.pnl_pct,
    CASE WHEN d.horizon_known_at IS NOT NULL THEN d.horizon_return_pct END AS horizon_return_pct,
    d.opened_at, d.symbol, d.version, d.bar_interval, d.direction, d.confidence
FROM scorekeeper.decision AS d
INNER JOIN scorekeeper.agent_signal AS a ON d.trade_id = a.trade_id
LEFT JOIN scorekeeper.trade AS t ON d.trade_id = t.trade_id AND t.exit_time IS NOT NULL
WHERE
    d.expires_at >= :since AND d.expires_at < :until AND d.voided_at IS NULL AND d.price_suspect IS NOT TRUE
    AND (d.horizon_known_at IS NOT NULL OR t.trade_id IS NOT NULL);
