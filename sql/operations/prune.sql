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
-- One row: the earliest minute whose candles are still needed (null: none are): by an undecided decision or an open
-- trade within the sealed range, or by the next settlement.
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
-- One row: drops the candle partition of a month, and the late candles from before its end. Fails while something needs
-- them. Parameters: year, month.
SELECT scorekeeper.drop_candle_partition(:year, :month);


-- name: prune_coverage
-- One row per symbol whose sealed range begins at kept_from now, since older candles are pruned. A range that lies
-- wholly before it is deleted. Parameter: kept_from.
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
-- At most one row: stores that candles before a minute are pruned. Parameter: kept_from.
UPDATE scorekeeper.market
SET candles_from = greatest(candles_from, cast(:kept_from AS timestamptz));
