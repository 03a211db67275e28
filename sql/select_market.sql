-- At most one row: the market of this database. Called by settle and the commands.
SELECT name, bound_at, last_as_of, candles_from, settled_as_of
FROM scorekeeper.market;
