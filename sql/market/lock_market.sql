-- One row, locked: the last minute that a track had begun with.
SELECT begun_as_of
FROM scorekeeper.market
FOR UPDATE;
