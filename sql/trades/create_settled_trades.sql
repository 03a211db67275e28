-- One row per trade closed in this transaction; emptied at every commit.
CREATE TEMPORARY TABLE IF NOT EXISTS settled_trade (trade_id text COLLATE "C" PRIMARY KEY) ON COMMIT DELETE ROWS;
