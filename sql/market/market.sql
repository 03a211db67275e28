-- name: select_market
-- At most one row: the market of this database.
SELECT name, calendar, bound_at, last_as_of, candles_from, settled_as_of, candle_seconds
FROM scorekeeper.market;

-- name: select_calendar
-- At most one row: the calendar of the market of this database (null: it never closes).
SELECT calendar
FROM scorekeeper.market;

-- name: bind_market
-- At most one row: binds the database to a market, unless it is bound already. Parameters: name, calendar (null: the
-- market never closes), as_of, candle_seconds.
INSERT INTO scorekeeper.market (name, calendar, bound_at, begun_as_of, candle_seconds)
VALUES (:name, :calendar, :as_of, :as_of, :candle_seconds)
ON CONFLICT (only_row) DO NOTHING;

-- name: keep_candle_length
-- One row: the length of the stored candles in seconds; without any, the given one, which is kept from now on.
-- Parameter: candle_seconds.
INSERT INTO scorekeeper.candle_length AS l (candle_seconds)
VALUES (:candle_seconds)
ON CONFLICT (only_row) DO UPDATE
    SET
        candle_seconds = CASE
            WHEN EXISTS (SELECT 1 FROM scorekeeper.candle) THEN l.candle_seconds
            ELSE excluded.candle_seconds
        END
RETURNING candle_seconds;

-- name: lock_market
-- One row, locked: the as_of that the last track began with.
SELECT begun_as_of
FROM scorekeeper.market
FOR UPDATE;

-- name: begin_as_of
-- One row: a track begins at this as_of. An earlier as_of is refused from now on. Parameter: as_of.
UPDATE scorekeeper.market
SET begun_as_of = :as_of;

-- name: advance_as_of
-- One row: track has worked up to this minute. Parameter: as_of.
UPDATE scorekeeper.market
SET last_as_of = greatest(last_as_of, cast(:as_of AS timestamptz));
