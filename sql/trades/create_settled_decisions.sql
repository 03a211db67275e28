-- One row per decision whose horizon return became known in this transaction; emptied at every commit.
CREATE TEMPORARY TABLE IF NOT EXISTS settled_decision (trade_id text COLLATE "C" PRIMARY KEY) ON COMMIT DELETE ROWS;
