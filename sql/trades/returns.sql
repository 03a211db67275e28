-- One row per row of the CTE filled, with its columns and more: what the fill earns in percent of the entry price,
-- before costs (fill_pnl_pct) and after them (fill_net_pnl_pct); null without a fill. All ways to close share it.
-- The CTE filled has one row per trade: direction, entry_price, opened_at, fill_price, fill_time, fill_reason, fee_bps
-- (of the price, on each side), and the trade's other terms (decisions/costs.py), each null where it has none.
-- The columns of filled are not known here (AM04).
WITH gross AS (
    SELECT
        f.*,
        CASE f.direction
            WHEN 1 THEN (f.fill_price - f.entry_price) / f.entry_price * 100
            ELSE (f.entry_price - f.fill_price) / f.entry_price * 100
        END AS fill_pnl_pct,
        f.fee_bps / 100 AS fee_pct,
        CASE f.fill_reason WHEN 'take_profit' THEN coalesce(f.target_fee_bps, f.fee_bps) ELSE f.fee_bps END
            AS exit_fee_bps,
        f.min_fee * 100 / f.position_value AS least_pct
    FROM filled AS f
),
-- What the terms beside fee_bps add, in percent of the entry price: a side each, the spread, and funding.
charged AS (
    SELECT
        g.*, -- noqa: AM04
        coalesce((g.entry_fee_bps - g.fee_bps) / 100, 0) + coalesce(g.share_fee_pct, 0) AS entry_pct,
        (g.exit_fee_bps - g.fee_bps) / 100 * (g.fill_price / g.entry_price) + coalesce(g.share_fee_pct, 0) AS exit_pct,
        coalesce(g.spread_bps / 200 * (1 + g.fill_price / g.entry_price), 0) AS spread_pct,
        coalesce(
            g.direction * g.funding_bps_per_day / 100
            * (cast(extract(EPOCH FROM g.fill_time - g.opened_at) AS double precision) / 86400),
            0
        ) AS funding_pct
    FROM gross AS g
)
SELECT
    c.*, -- noqa: AM04
    c.fill_pnl_pct - c.fee_pct * (1 + c.fill_price / c.entry_price)
    - (
        c.entry_pct + greatest(0, c.least_pct - (c.fee_pct + c.entry_pct))
        + c.exit_pct + greatest(0, c.least_pct - (c.fee_pct * (c.fill_price / c.entry_price) + c.exit_pct))
        + c.spread_pct + c.funding_pct
    ) AS fill_net_pnl_pct
FROM charged AS c;
