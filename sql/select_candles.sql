-- One row per sealed candle of a symbol, in order. Parameter: symbol. Called by verify.
SELECT minute_at, open, high, low, close
FROM scorekeeper.candle
WHERE symbol = :symbol
ORDER BY minute_at;
