-- One row: the candle partition of a month, dropped with the late candles from before its end; an error while something
-- waits for them. Parameters: year, month.
SELECT scorekeeper.drop_candle_partition(:year, :month);
