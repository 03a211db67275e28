-- One row: unbinds the database from its market. The next track binds it to its own, whose list reads spellings again.
WITH unread AS (
    DELETE FROM scorekeeper.symbol_reading
)
DELETE FROM scorekeeper.market;
