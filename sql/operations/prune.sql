-- name: select_candle_months
-- One row per month of candles, in order: the year and month in the name of its partition.
SELECT
    cast(split_part(c.relname, '_', 2) AS integer) AS year,
    cast(split_part(c.relname, '_', 3) AS integer) AS month
FROM pg_catalog.pg_inherits AS i
INNER JOIN pg_catalog.pg_class AS c ON i.inhrelid = c.oid
WHERE i.inhparent = to_regclass('scorekeeper.candle') AND c.relname ~ '^candle_[0-9]{4}_[0-9]{2}$'
ORDER BY c.relname;


-- name: select_prune_bound
-- One row: the earliest minute whose candles something still waits for (null: nothing does): a decision that is
-- undecided or a trade that is open, and that the sealed range reaches; or candles that no trade was held against yet.
SELECT least(
    (
        SELECT min(d.opened_at)
        FROM scorekeeper.decision AS d
        INNER JOIN scorekeeper.candle_coverage AS c ON d.symbol = c.symbol
        WHERE d.horizon_known_at IS NULL AND d.opened_at >= c.sealed_from
    ),
    (
        SELECT min(t.opened_at)
        FROM scorekeeper.trade AS t
        INNER JOIN scorekeeper.candle_coverage AS c ON t.symbol = c.symbol
        WHERE t.exit_time IS NULL AND t.opened_at >= c.sealed_from
    ),
    (
        SELECT min(c.settled_until) FROM scorekeeper.candle_coverage AS c
        WHERE c.settled_until < c.sealed_until
    )
) AS bound;


-- name: drop_candle_partition
-- One row: the candle partition of a month, dropped with the late candles from before its end; an error while something
-- waits for them. Parameters: year, month.
SELECT scorekeeper.drop_candle_partition(:year, :month);


-- name: prune_coverage
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


-- name: note_candles_from
-- At most one row: candles before this minute have been given up. Parameter: kept_from.
UPDATE scorekeeper.market
SET candles_from = greatest(candles_from, cast(:kept_from AS timestamptz));
