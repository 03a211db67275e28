-- One row per row of the CTE filled, with its columns and two more: what the fill earns in percent of the entry price,
-- before fees (fill_pnl_pct) and after them (fill_net_pnl_pct); null without a fill. All ways to close share it.
-- The CTE filled has one row per trade: direction, entry_price, fee_bps (of the price, on each side), fill_price.
-- Its columns are not known here (AM04).
WITH gross AS (
    SELECT
        f.*,
        CASE f.direction
            WHEN 1 THEN (f.fill_price - f.entry_price) / f.entry_price * 100
            ELSE (f.entry_price - f.fill_price) / f.entry_price * 100
        END AS fill_pnl_pct
    FROM filled AS f
)
SELECT
    g.*, -- noqa: AM04
    g.fill_pnl_pct - g.fee_bps / 100 * (1 + g.fill_price / g.entry_price) AS fill_net_pnl_pct
FROM gross AS g;
