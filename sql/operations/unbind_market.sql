-- One row: unbinds the database from its market. The next track binds it to its own, whose list reads spellings again,
-- and whose calendar the scorecards are composed by.
WITH unread AS (
    DELETE FROM scorekeeper.symbol_reading
),
outdated AS (
    UPDATE scorekeeper.scorecard SET outdated = true
)
DELETE FROM scorekeeper.market;
