CREATE TABLE scorekeeper.symbol_reading (
    spelled text COLLATE "C" PRIMARY KEY,
    symbol text NOT NULL
);
COMMENT ON TABLE scorekeeper.symbol_reading IS
'One row per spelling without a slash that the market''s list has read, such as BTCUSDT: what it means there.';
COMMENT ON COLUMN scorekeeper.symbol_reading.spelled IS 'As written, in capitals.';
COMMENT ON COLUMN scorekeeper.symbol_reading.symbol IS 'The symbol that the market lists.';

CREATE TABLE scorekeeper.held_decision (
    trade_id text COLLATE "C" PRIMARY KEY REFERENCES scorekeeper.decision (trade_id) ON DELETE CASCADE
);
COMMENT ON TABLE scorekeeper.held_decision IS
'One row per decision whose symbol waits for the market''s list: until then nothing of it is published or settled.';

CREATE TABLE scorekeeper.price_trouble (
    symbol text COLLATE "C" PRIMARY KEY,
    kind text NOT NULL,
    says text NOT NULL,
    noted_at timestamptz NOT NULL,
    CONSTRAINT price_trouble_kind_known CHECK (kind IN ('file', 'failed', 'unlisted', 'ends'))
);
COMMENT ON TABLE scorekeeper.price_trouble IS
'One row per symbol for which the last track got no prices, or none up to its as_of.';
COMMENT ON COLUMN scorekeeper.price_trouble.kind IS
'file: its candle file is refused; failed: the market failed; unlisted: it is not listed; ends: its file ends.';
COMMENT ON COLUMN scorekeeper.price_trouble.noted_at IS 'The as_of that first met it in these words.';
COMMENT ON COLUMN scorekeeper.price_trouble.symbol IS 'The symbol without prices.';
COMMENT ON COLUMN scorekeeper.price_trouble.says IS 'In words, with file and line where a file is the reason.';
COMMENT ON COLUMN scorekeeper.held_decision.trade_id IS 'The decision that waits.';
