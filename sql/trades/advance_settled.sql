-- One row per symbol whose newly sealed candles, or newly filled back ones, have now been held against the trades.
UPDATE scorekeeper.candle_coverage
SET settled_until = sealed_until, settled_from = sealed_from, settled_filled_back = filled_back
WHERE
    settled_until < sealed_until
    OR settled_from IS DISTINCT FROM sealed_from OR settled_filled_back IS DISTINCT FROM filled_back;
