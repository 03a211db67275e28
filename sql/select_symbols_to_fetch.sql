-- One row per symbol that has something open or undecided at as_of: what is sealed of it, and the earliest decision
-- that has not met a price yet. Parameter: as_of. Called by settle.
WITH needed AS (
    SELECT symbol FROM scorekeeper.trade
    WHERE exit_time IS NULL AND opened_at <= :as_of
    UNION
    SELECT symbol FROM scorekeeper.decision
    WHERE horizon_known_at IS NULL AND opened_at <= :as_of
    UNION
    SELECT symbol FROM scorekeeper.decision
    WHERE reference_price IS NULL AND opened_at <= :as_of
)
SELECT
    n.symbol, c.sealed_from, c.sealed_until,
    (
        SELECT min(d.opened_at) FROM scorekeeper.decision AS d
        WHERE d.symbol = n.symbol AND d.reference_price IS NULL AND d.opened_at <= :as_of
    ) AS earliest_new
FROM needed AS n
LEFT JOIN scorekeeper.candle_coverage AS c ON n.symbol = c.symbol
ORDER BY n.symbol;
