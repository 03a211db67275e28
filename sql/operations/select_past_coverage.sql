-- One row per symbol of which a period's minutes, or those of the week before it, are sealed: from when, and up to when
-- they would have been sealed at its end, by a later candle or by the grace.
-- Parameters: since, until, grace_minutes.
WITH sealed AS (
    SELECT
        c.symbol, greatest(c.sealed_from, cast(:since AS timestamptz) - interval '7 days') AS sealed_from,
        least(
            c.sealed_until,
            greatest(
                cast(:until AS timestamptz) - make_interval(mins => :grace_minutes),
                last.minute_at + interval '1 minute'
            )
        ) AS sealed_until,
        c.filled_back
    FROM scorekeeper.candle_coverage AS c
    LEFT JOIN LATERAL (
        SELECT k.minute_at FROM scorekeeper.candle AS k
        WHERE k.symbol = c.symbol AND k.minute_at < least(c.sealed_until, cast(:until AS timestamptz))
        ORDER BY k.minute_at DESC LIMIT 1
    ) AS last ON true
)
SELECT symbol, sealed_from, sealed_until, filled_back
FROM sealed
WHERE sealed_from < sealed_until
ORDER BY symbol;
