-- One row per stretch of step_minutes of a symbol, of its sealed candles that open in [since, until), in order.
-- Parameters: symbol, since, until, step_minutes.
SELECT
    date_bin(make_interval(mins => :step_minutes), c.minute_at, timestamptz '2000-01-01 00:00:00+00') AS minute_at,
    (array_agg(c.open ORDER BY c.minute_at))[1] AS open,
    max(c.high) AS high, min(c.low) AS low,
    (array_agg(c.close ORDER BY c.minute_at DESC))[1] AS close,
    sum(c.volume) AS volume
FROM scorekeeper.report_candles AS c
WHERE c.symbol = :symbol AND c.minute_at >= :since AND c.minute_at < :until
GROUP BY 1
ORDER BY 1;
