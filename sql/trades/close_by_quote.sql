-- At most one row: an open trade closed at a quote, outside the promise of the candles; its id goes to settled_trade.
-- Parameters: trade_id, price, at, as_of, reason.
WITH changed AS (
    UPDATE scorekeeper.trade AS t
    SET
        exit_time = cast(:at AS timestamptz),
        exit_price = q.price,
        exit_reason = :reason,
        exit_known_at = cast(:as_of AS timestamptz),
        price_source = 'quote',
        price_age_seconds = 0,
        ambiguous_exit = false,
        pnl_pct = q.pnl_pct,
        net_pnl_pct = q.pnl_pct - t.fee_bps / 100 * (1 + q.price / t.entry_price),
        mfe_pct = greatest(0, q.pnl_pct),
        mae_pct = least(0, q.pnl_pct)
    FROM (
        SELECT
            o.trade_id, cast(:price AS float8) AS price,
            CASE o.direction
                WHEN 1 THEN (cast(:price AS float8) - o.entry_price) / o.entry_price * 100
                ELSE (o.entry_price - cast(:price AS float8)) / o.entry_price * 100
            END AS pnl_pct
        FROM scorekeeper.trade AS o
        WHERE o.trade_id = :trade_id
    ) AS q
    WHERE t.trade_id = q.trade_id AND t.exit_time IS NULL AND t.opened_at <= cast(:at AS timestamptz)
    RETURNING t.trade_id
)
INSERT INTO settled_trade (trade_id)
SELECT trade_id FROM changed;
