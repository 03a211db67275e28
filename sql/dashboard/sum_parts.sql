-- One row per part of a breakdown: what its closed trades come to on one basis, without what their order tells
-- (drawdown and streaks), so that a million are added up while one waits.
-- Parameters: those of trades_by_part; after_fees.
-- with chosen: dashboard/trades_by_part
WITH counted AS (
    SELECT
        part, CASE WHEN cast(:after_fees AS boolean) THEN net_pnl_pct ELSE pnl_pct END AS pnl,
        exit_time - opened_at AS held
    FROM chosen
),
exact AS (
    SELECT part, pnl, held, cast(cast(pnl AS text) AS numeric) AS pnl_pct FROM counted
)
SELECT
    part, count(*) AS trades, count(*) FILTER (WHERE pnl > 0) AS winners, count(*) FILTER (WHERE pnl < 0) AS losers,
    sum(pnl_pct) AS sum_pct,
    coalesce(sum(pnl_pct) FILTER (WHERE pnl > 0), 0) AS sum_winners_pct,
    coalesce(sum(pnl_pct) FILTER (WHERE pnl < 0), 0) AS sum_losers_pct,
    extract(EPOCH FROM sum(held)) AS hold_seconds
FROM exact
GROUP BY part
ORDER BY part;
