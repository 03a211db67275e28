-- One row per symbol whose sealed range begins later now, since the candles before it have been given up; a range that
-- lies before it altogether is forgotten. Parameter: kept_from.
WITH forgotten AS (
    DELETE FROM scorekeeper.candle_coverage
    WHERE sealed_until <= cast(:kept_from AS timestamptz)
)
UPDATE scorekeeper.candle_coverage
SET
    sealed_from = :kept_from,
    settled_from = CASE WHEN settled_from IS NOT NULL THEN greatest(settled_from, cast(:kept_from AS timestamptz)) END
WHERE sealed_from < cast(:kept_from AS timestamptz) AND sealed_until > cast(:kept_from AS timestamptz);
