-- One row per newly sealed minute with a candle. Parameters: sealed_from, sealed_until (of the answer: what lies
-- outside is not kept).
INSERT INTO scorekeeper.candle (symbol, minute_at, open, high, low, close, volume)
SELECT i.symbol, i.minute_at, i.open, i.high, i.low, i.close, i.volume
FROM incoming_candle AS i
LEFT JOIN scorekeeper.candle_coverage AS c ON i.symbol = c.symbol
WHERE
    i.minute_at >= :sealed_from AND i.minute_at < :sealed_until
    AND (c.symbol IS NULL OR i.minute_at < c.sealed_from OR i.minute_at >= c.sealed_until)
ON CONFLICT (symbol, minute_at) DO NOTHING;
