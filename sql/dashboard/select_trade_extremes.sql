-- One row per stretch of step_minutes of a trade's life: the highest and the lowest price of its whole candles up to
-- the end of the stretch (a trailing stop follows them), in order. Parameters: symbol, since, until, step_minutes.
WITH lived AS (
    SELECT
        c.minute_at, c.ends_at,
        max(c.high) OVER (ORDER BY c.minute_at) AS highest,
        min(c.low) OVER (ORDER BY c.minute_at) AS lowest
    FROM scorekeeper.report_candles AS c
    WHERE c.symbol = :symbol AND c.minute_at >= :since AND c.minute_at < :until AND c.ends_at <= :until
)
SELECT
    date_bin(make_interval(mins => :step_minutes), minute_at, timestamptz '2000-01-01 00:00:00+00') AS minute_at,
    max(ends_at) AS known_at, max(highest) AS highest, min(lowest) AS lowest
FROM lived
GROUP BY 1
ORDER BY 1;
