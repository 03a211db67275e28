-- One row per symbol whose newly sealed candles have now been held against the trades. Called by settle.
UPDATE scorekeeper.candle_coverage
SET settled_until = sealed_until
WHERE settled_until < sealed_until;
