-- One row per symbol with trades that no candle will close: they opened before the range that is sealed, and that the
-- market has kept. Parameter: as_of.
SELECT t.symbol, count(*) AS trades, c.sealed_from
FROM scorekeeper.candle_coverage AS c
INNER JOIN scorekeeper.trade AS t ON c.symbol = t.symbol
WHERE
    t.exit_time IS NULL AND least(t.due_at, t.signal_at) <= :as_of
    AND date_trunc('minute', t.opened_at) < c.sealed_from
GROUP BY t.symbol, c.sealed_from
ORDER BY t.symbol;
