-- One row per symbol: its sealed range. Called by verify.
SELECT symbol, sealed_from, sealed_until, filled_back
FROM scorekeeper.candle_coverage
ORDER BY symbol;
