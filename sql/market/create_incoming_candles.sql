-- One row per candle of the answer that is being stored; emptied at every commit.
CREATE TEMPORARY TABLE IF NOT EXISTS incoming_candle (
    symbol text NOT NULL,
    minute_at timestamptz NOT NULL,
    open double precision NOT NULL,
    high double precision NOT NULL,
    low double precision NOT NULL,
    close double precision NOT NULL,
    volume double precision NOT NULL
) ON COMMIT DELETE ROWS;
