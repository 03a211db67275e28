-- One row per candle of a symbol that came too late for its sealed minute, in [since, until), in order.
-- Parameters: symbol, since, until, at (null: now).
SELECT minute_at, open, high, low, close, volume, seen_at
FROM scorekeeper.report_candle_revisions
WHERE
    symbol = :symbol AND minute_at >= :since AND minute_at < :until
    AND (cast(:at AS timestamptz) IS NULL OR seen_at <= :at)
ORDER BY minute_at, seen_at;
