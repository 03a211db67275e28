-- One row: the market of this database, bound by whoever comes first, and the last minute that a track had begun with.
-- Parameters: name, as_of. Called by settle.
WITH known AS (
    SELECT name, begun_as_of
    FROM scorekeeper.market
    FOR UPDATE
),
bound AS (
    INSERT INTO scorekeeper.market (name, bound_at, begun_as_of)
    VALUES (:name, :as_of, :as_of)
    ON CONFLICT (only_row) DO UPDATE SET begun_as_of = greatest(market.begun_as_of, excluded.begun_as_of)
    RETURNING name
)
SELECT bound.name, known.begun_as_of
FROM bound LEFT JOIN known ON true;
