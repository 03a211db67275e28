-- One row per open trade at a moment. Parameter: at. Called by tracker.
SELECT t.trade_id, t.symbol, t.opened_at
FROM scorekeeper.trade AS t
INNER JOIN scorekeeper.decision AS d ON t.trade_id = d.trade_id AND d.voided_at IS NULL
WHERE t.exit_time IS NULL AND t.opened_at <= :at
ORDER BY t.opened_at, t.trade_id;
