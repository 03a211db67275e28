-- One row: the next track binds the database to its own market. Called by scorekeeper migrate (switch-market).
DELETE FROM scorekeeper.market;
