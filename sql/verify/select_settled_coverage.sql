-- One row per symbol: the sealed range as the last settlement found it (sealed_from null: none has yet).
SELECT
    symbol, settled_from AS sealed_from, settled_until AS sealed_until, settled_filled_back AS filled_back
FROM scorekeeper.candle_coverage
ORDER BY symbol;
