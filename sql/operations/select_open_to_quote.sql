-- One row per open trade that no stored candle follows (none is sealed since it opened). Parameter: at.
SELECT t.trade_id, t.symbol, t.opened_at, t.signal_at
FROM scorekeeper.trade AS t
INNER JOIN scorekeeper.decision AS d ON t.trade_id = d.trade_id AND d.voided_at IS NULL
LEFT JOIN scorekeeper.candle_coverage AS c ON t.symbol = c.symbol
WHERE t.exit_time IS NULL AND t.opened_at <= :at AND (c.sealed_until IS NULL OR c.sealed_until <= t.opened_at)
ORDER BY t.opened_at, t.trade_id;
