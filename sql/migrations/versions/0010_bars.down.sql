ALTER TABLE scorekeeper.market DROP COLUMN candle_seconds;
