-- One row per sealed candle of a symbol before a minute, in order. Parameters: symbol, until.
SELECT minute_at, open, high, low, close
FROM scorekeeper.candle
WHERE symbol = :symbol AND minute_at < :until
ORDER BY minute_at;
