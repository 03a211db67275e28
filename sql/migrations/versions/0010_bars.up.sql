ALTER TABLE scorekeeper.market ADD COLUMN candle_seconds integer NOT NULL DEFAULT 60 CHECK (candle_seconds > 0);
