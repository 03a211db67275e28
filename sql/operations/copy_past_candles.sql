-- One row per candle of a period that is sealed, a week before it included: it may hold what the first decisions are
-- judged by. Settings: begin_past.
COPY (
    SELECT k.symbol, k.minute_at, k.open, k.high, k.low, k.close, k.volume
    FROM scorekeeper.candle AS k
    INNER JOIN scorekeeper.candle_coverage AS c
        ON k.symbol = c.symbol AND k.minute_at >= c.sealed_from AND k.minute_at < c.sealed_until
    WHERE
        k.minute_at >= cast(current_setting('scorekeeper.since') AS timestamptz) - interval '7 days'
        AND k.minute_at < cast(current_setting('scorekeeper.until') AS timestamptz)
) TO STDOUT;
