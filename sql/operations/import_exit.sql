-- At most one row: closes an open trade with the exit that its dataset gives; its id goes to settled_trade.
-- The excursions are those of the dataset, if it has them, and include the exit price.
-- Parameters: trade_id, exit_price, exit_time, mfe_pct, mae_pct (or null), as_of.
WITH filled AS ( -- noqa: ST03
    SELECT
        o.trade_id, o.direction, o.entry_price, o.opened_at, o.fee_bps, o.__cost_columns__,
        cast(:exit_price AS float8) AS fill_price, cast(:exit_time AS timestamptz) AS fill_time,
        'imported' AS fill_reason
    FROM scorekeeper.trade AS o
    WHERE o.trade_id = :trade_id
),
-- with given: trades/returns
changed AS (
    UPDATE scorekeeper.trade AS t
    SET
        exit_time = cast(:exit_time AS timestamptz),
        exit_price = q.fill_price,
        exit_reason = 'imported',
        exit_known_at = cast(:as_of AS timestamptz),
        price_source = 'imported',
        ambiguous_exit = false,
        pnl_pct = q.fill_pnl_pct,
        net_pnl_pct = q.fill_net_pnl_pct,
        mfe_pct = greatest(0, q.fill_pnl_pct, cast(:mfe_pct AS float8)),
        mae_pct = least(0, q.fill_pnl_pct, cast(:mae_pct AS float8))
    FROM given AS q
    WHERE t.trade_id = q.trade_id AND t.exit_time IS NULL AND t.opened_at <= cast(:exit_time AS timestamptz)
    RETURNING t.trade_id
)
INSERT INTO settled_trade (trade_id)
SELECT trade_id FROM changed;
