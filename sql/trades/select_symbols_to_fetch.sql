-- One row per symbol that has something open or undecided at as_of: its sealed range, and the time of the earliest
-- decision without a reference price. Parameter: as_of.
-- The index is read from one symbol to the next, so the work grows with the symbols, not with the open trades.
-- Decisions are enough: once a horizon return is known, all candles that the decision and its trade need are sealed.
WITH RECURSIVE walk AS (
    (
        SELECT d.symbol FROM scorekeeper.decision AS d
        WHERE d.horizon_known_at IS NULL
        ORDER BY d.symbol LIMIT 1
    )
    UNION ALL
    SELECT (
        SELECT d.symbol FROM scorekeeper.decision AS d
        WHERE d.horizon_known_at IS NULL AND d.symbol > walk.symbol
        ORDER BY d.symbol LIMIT 1
    )
    FROM walk
    WHERE walk.symbol IS NOT NULL
)
SELECT
    w.symbol, c.sealed_from, c.sealed_until, coalesce(c.filled_back, true) AS filled_back,
    (
        SELECT min(d.opened_at) FROM scorekeeper.decision AS d
        WHERE d.symbol = w.symbol AND d.reference_price IS NULL AND d.opened_at <= :as_of
    ) AS earliest_new
FROM walk AS w
LEFT JOIN scorekeeper.candle_coverage AS c ON w.symbol = c.symbol
WHERE
    EXISTS (
        SELECT 1 FROM scorekeeper.decision AS d
        WHERE d.symbol = w.symbol AND d.horizon_known_at IS NULL AND d.opened_at <= :as_of
    )
ORDER BY w.symbol;
