-- One row: how many closed trades a selection has, counted up to `most`, and what these come to on the basis of
-- after_fees: winners, losers, exact sum of P&L in percent.
-- Parameters: those of selected_trades; most.
-- with selected: dashboard/selected_trades
WITH found AS (
    SELECT CASE WHEN cast(:after_fees AS boolean) THEN t.net_pnl_pct ELSE t.pnl_pct END AS pnl, 1 AS one
    FROM selected AS t
    ORDER BY one LIMIT :most
)
SELECT
    count(*) AS trades, count(*) FILTER (WHERE pnl > 0) AS winners, count(*) FILTER (WHERE pnl < 0) AS losers,
    coalesce(sum(cast(cast(pnl AS text) AS numeric)), 0) AS sum_pct
FROM found;
