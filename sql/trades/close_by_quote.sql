-- At most one row: an open trade closed at a quoted price instead of a candle's; its id goes to settled_trade.
-- Parameters: trade_id, price, at, as_of, reason.
WITH filled AS ( -- noqa: ST03
    SELECT
        o.trade_id, o.direction, o.entry_price, o.opened_at, o.fee_bps, o.__cost_columns__,
        cast(:price AS float8) AS fill_price, cast(:at AS timestamptz) AS fill_time,
        cast(:reason AS text) AS fill_reason
    FROM scorekeeper.trade AS o
    WHERE o.trade_id = :trade_id
),
-- with quoted: trades/returns
changed AS (
    UPDATE scorekeeper.trade AS t
    SET
        exit_time = cast(:at AS timestamptz),
        exit_price = q.fill_price,
        exit_reason = :reason,
        exit_known_at = cast(:as_of AS timestamptz),
        price_source = 'quote',
        price_age_seconds = 0,
        ambiguous_exit = false,
        pnl_pct = q.fill_pnl_pct,
        net_pnl_pct = q.fill_net_pnl_pct,
        mfe_pct = greatest(0, q.fill_pnl_pct),
        mae_pct = least(0, q.fill_pnl_pct)
    FROM quoted AS q
    WHERE t.trade_id = q.trade_id AND t.exit_time IS NULL AND t.opened_at <= cast(:at AS timestamptz)
    RETURNING t.trade_id
)
INSERT INTO settled_trade (trade_id)
SELECT trade_id FROM changed;
