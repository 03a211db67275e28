-- One row: the next track binds the database to its own market, whose list reads spellings anew.
WITH unread AS (
    DELETE FROM scorekeeper.symbol_reading
)
DELETE FROM scorekeeper.market;
