-- One row per candle that came for a minute which was sealed before, with another content or none: kept, used for
-- nothing. Parameter: as_of.
INSERT INTO scorekeeper.candle_revision (symbol, minute_at, seen_at, open, high, low, close, volume)
SELECT i.symbol, i.minute_at, :as_of, i.open, i.high, i.low, i.close, i.volume
FROM incoming_candle AS i
INNER JOIN scorekeeper.candle_coverage AS c
    ON i.symbol = c.symbol AND i.minute_at >= c.sealed_from AND i.minute_at < c.sealed_until
LEFT JOIN scorekeeper.candle AS k ON i.symbol = k.symbol AND i.minute_at = k.minute_at
WHERE
    (i.open, i.high, i.low, i.close, i.volume) IS DISTINCT FROM (k.open, k.high, k.low, k.close, k.volume)
    AND NOT EXISTS (
        SELECT 1 FROM scorekeeper.candle_revision AS r
        WHERE
            r.symbol = i.symbol AND r.minute_at = i.minute_at
            AND (r.open, r.high, r.low, r.close, r.volume) = (i.open, i.high, i.low, i.close, i.volume)
    )
ON CONFLICT DO NOTHING;
