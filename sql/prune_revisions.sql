-- One row per late candle of a minute whose candles have been given up. Parameter: kept_from. Called by prune.
DELETE FROM scorekeeper.candle_revision
WHERE minute_at < cast(:kept_from AS timestamptz);
