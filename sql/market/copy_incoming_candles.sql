-- One row per candle of the answer.
COPY incoming_candle (symbol, minute_at, open, high, low, close, volume) FROM STDIN;
