-- At most one row: the sealed range of a symbol begins anew at a later minute, since the market has not kept what lies
-- between. Trades opened before it stay open. Parameters: symbol, start.
UPDATE scorekeeper.candle_coverage
SET
    sealed_from = :start, sealed_until = :start, settled_until = :start, filled_back = true,
    settled_from = :start, settled_filled_back = true
WHERE symbol = :symbol AND sealed_until < :start;
