-- One row per candle that another database has kept.
COPY scorekeeper.candle (symbol, minute_at, open, high, low, close, volume) FROM STDIN;
