-- name: count_pruned
-- At most one row: since when candles are kept, and how many decisions are older; none if no candle was pruned.
SELECT
    m.candles_from,
    (
        SELECT count(*) FROM scorekeeper.decision AS d
        WHERE d.opened_at < m.candles_from
    ) AS decisions
FROM scorekeeper.market AS m
WHERE m.candles_from IS NOT NULL;


-- name: select_waiting
-- One row: how much the next track has to do, which is no difference.
SELECT
    -- An untracked decision about which everything is known was settled by a track that a later one had overtaken.
    (
        SELECT count(*)
        FROM scorekeeper.decision AS d
        LEFT JOIN scorekeeper.trade AS t ON d.trade_id = t.trade_id
        WHERE NOT d.tracked AND (d.horizon_known_at IS NULL OR (t.trade_id IS NOT NULL AND t.exit_time IS NULL))
    ) AS decisions,
    (
        SELECT count(*) FROM scorekeeper.decision AS d
        WHERE d.tracked AND d.reference_price IS NULL
    ) AS without_price,
    (
        SELECT count(*) FROM scorekeeper.candle_coverage AS c
        WHERE
            (c.settled_from, c.settled_until, c.settled_filled_back)
            IS DISTINCT FROM (c.sealed_from, c.sealed_until, c.filled_back)
    ) AS symbols,
    (SELECT count(DISTINCT s.day) FROM scorekeeper.stale_day AS s) AS days;
