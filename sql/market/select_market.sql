-- At most one row: the market of this database.
SELECT name, bound_at, last_as_of, candles_from, settled_as_of
FROM scorekeeper.market;
