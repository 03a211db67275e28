-- At most one row: closes an open trade with the exit that its dataset gives; its id goes to settled_trade.
-- The excursions are those of the dataset, if it has them, and include the exit price.
-- Parameters: trade_id, exit_price, exit_time, mfe_pct, mae_pct (or null), as_of.
WITH changed AS (
    UPDATE scorekeeper.trade AS t
    SET
        exit_time = cast(:exit_time AS timestamptz),
        exit_price = q.price,
        exit_reason = 'imported',
        exit_known_at = cast(:as_of AS timestamptz),
        price_source = 'imported',
        ambiguous_exit = false,
        pnl_pct = q.pnl_pct,
        net_pnl_pct = q.pnl_pct - t.fee_bps / 100 * (1 + q.price / t.entry_price),
        mfe_pct = greatest(0, q.pnl_pct, cast(:mfe_pct AS float8)),
        mae_pct = least(0, q.pnl_pct, cast(:mae_pct AS float8))
    FROM (
        SELECT
            o.trade_id, cast(:exit_price AS float8) AS price,
            CASE o.direction
                WHEN 1 THEN (cast(:exit_price AS float8) - o.entry_price) / o.entry_price * 100
                ELSE (o.entry_price - cast(:exit_price AS float8)) / o.entry_price * 100
            END AS pnl_pct
        FROM scorekeeper.trade AS o
        WHERE o.trade_id = :trade_id
    ) AS q
    WHERE t.trade_id = q.trade_id AND t.exit_time IS NULL AND t.opened_at <= cast(:exit_time AS timestamptz)
    RETURNING t.trade_id
)
INSERT INTO settled_trade (trade_id)
SELECT trade_id FROM changed;
