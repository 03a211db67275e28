-- One row: the candle partition of a month, made unless it is there. Parameters: year, month.
SELECT scorekeeper.ensure_candle_partition(:year, :month);
