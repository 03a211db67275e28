-- One row per candle of the answer. Called by settle.
COPY incoming_candle (symbol, minute_at, open, high, low, close, volume) FROM STDIN;
