-- At most one row: candles before this minute have been given up. Parameter: kept_from.
UPDATE scorekeeper.market
SET candles_from = greatest(candles_from, cast(:kept_from AS timestamptz));
