-- One row per closed trade of a selection, a page of it, in order.
-- Parameters: those of selected_trades; sort, descending; after_id (null: the first page) with the sorted value of the
-- last row before it (after_at, after_value or after_text); most.
-- The sorts that are not asked for fold to constants, so that an index gives the order: it needs custom plans.
-- with selected: dashboard/selected_trades
SELECT
    t.trade_id, t.version, t.symbol, t.bar_interval, t.side, t.confidence, t.opened_at, t.exit_time, t.entry_price,
    t.exit_price, t.exit_reason, t.price_source, t.ambiguous_exit, t.pnl_pct, t.net_pnl_pct, t.mfe_pct, t.mae_pct,
    CASE
        WHEN cast(:as_of AS timestamptz) IS NULL OR t.expires_at <= :as_of THEN t.horizon_return_pct
    END AS horizon_return_pct,
    t.hold_time_minutes, t.price_suspect, t.late
FROM selected AS t
WHERE
    (
        cast(:after_id AS text) IS NULL
        OR (
            :sort = 'exit_time' AND cast(:descending AS boolean)
            AND (t.exit_time, t.trade_id) < (cast(:after_at AS timestamptz), :after_id)
        )
        OR (
            :sort = 'exit_time' AND NOT cast(:descending AS boolean)
            AND (t.exit_time, t.trade_id) > (cast(:after_at AS timestamptz), :after_id)
        )
        OR (
            :sort = 'opened_at' AND cast(:descending AS boolean)
            AND (t.opened_at, t.trade_id) < (cast(:after_at AS timestamptz), :after_id)
        )
        OR (
            :sort = 'opened_at' AND NOT cast(:descending AS boolean)
            AND (t.opened_at, t.trade_id) > (cast(:after_at AS timestamptz), :after_id)
        )
        OR (
            :sort = 'pnl_pct' AND cast(:descending AS boolean)
            AND (t.pnl_pct, t.trade_id) < (cast(:after_value AS float8), :after_id)
        )
        OR (
            :sort = 'pnl_pct' AND NOT cast(:descending AS boolean)
            AND (t.pnl_pct, t.trade_id) > (cast(:after_value AS float8), :after_id)
        )
        OR (
            :sort = 'net_pnl_pct' AND cast(:descending AS boolean)
            AND (t.net_pnl_pct, t.trade_id) < (cast(:after_value AS float8), :after_id)
        )
        OR (
            :sort = 'net_pnl_pct' AND NOT cast(:descending AS boolean)
            AND (t.net_pnl_pct, t.trade_id) > (cast(:after_value AS float8), :after_id)
        )
        OR (
            :sort = 'mfe_pct' AND cast(:descending AS boolean)
            AND (t.mfe_pct, t.trade_id) < (cast(:after_value AS float8), :after_id)
        )
        OR (
            :sort = 'mfe_pct' AND NOT cast(:descending AS boolean)
            AND (t.mfe_pct, t.trade_id) > (cast(:after_value AS float8), :after_id)
        )
        OR (
            :sort = 'mae_pct' AND cast(:descending AS boolean)
            AND (t.mae_pct, t.trade_id) < (cast(:after_value AS float8), :after_id)
        )
        OR (
            :sort = 'mae_pct' AND NOT cast(:descending AS boolean)
            AND (t.mae_pct, t.trade_id) > (cast(:after_value AS float8), :after_id)
        )
        OR (
            :sort = 'hold_time_minutes' AND cast(:descending AS boolean)
            AND (t.hold_time_minutes, t.trade_id) < (cast(:after_value AS float8), :after_id)
        )
        OR (
            :sort = 'hold_time_minutes' AND NOT cast(:descending AS boolean)
            AND (t.hold_time_minutes, t.trade_id) > (cast(:after_value AS float8), :after_id)
        )
        OR (
            :sort = 'confidence' AND cast(:descending AS boolean)
            AND (coalesce(t.confidence, -1), t.trade_id) < (cast(:after_value AS float8), :after_id)
        )
        OR (
            :sort = 'confidence' AND NOT cast(:descending AS boolean)
            AND (coalesce(t.confidence, -1), t.trade_id) > (cast(:after_value AS float8), :after_id)
        )
        OR (
            :sort = 'symbol' AND cast(:descending AS boolean)
            AND (t.symbol, t.trade_id) < (cast(:after_text AS text), :after_id)
        )
        OR (
            :sort = 'symbol' AND NOT cast(:descending AS boolean)
            AND (t.symbol, t.trade_id) > (cast(:after_text AS text), :after_id)
        )
    )
ORDER BY
    CASE WHEN :sort = 'exit_time' AND cast(:descending AS boolean) THEN t.exit_time END DESC,
    CASE WHEN :sort = 'exit_time' AND NOT cast(:descending AS boolean) THEN t.exit_time END,
    CASE WHEN :sort = 'opened_at' AND cast(:descending AS boolean) THEN t.opened_at END DESC,
    CASE WHEN :sort = 'opened_at' AND NOT cast(:descending AS boolean) THEN t.opened_at END,
    CASE WHEN :sort = 'pnl_pct' AND cast(:descending AS boolean) THEN t.pnl_pct END DESC,
    CASE WHEN :sort = 'pnl_pct' AND NOT cast(:descending AS boolean) THEN t.pnl_pct END,
    CASE WHEN :sort = 'net_pnl_pct' AND cast(:descending AS boolean) THEN t.net_pnl_pct END DESC,
    CASE WHEN :sort = 'net_pnl_pct' AND NOT cast(:descending AS boolean) THEN t.net_pnl_pct END,
    CASE WHEN :sort = 'mfe_pct' AND cast(:descending AS boolean) THEN t.mfe_pct END DESC,
    CASE WHEN :sort = 'mfe_pct' AND NOT cast(:descending AS boolean) THEN t.mfe_pct END,
    CASE WHEN :sort = 'mae_pct' AND cast(:descending AS boolean) THEN t.mae_pct END DESC,
    CASE WHEN :sort = 'mae_pct' AND NOT cast(:descending AS boolean) THEN t.mae_pct END,
    CASE WHEN :sort = 'hold_time_minutes' AND cast(:descending AS boolean) THEN t.hold_time_minutes END DESC,
    CASE WHEN :sort = 'hold_time_minutes' AND NOT cast(:descending AS boolean) THEN t.hold_time_minutes END,
    CASE WHEN :sort = 'confidence' AND cast(:descending AS boolean) THEN coalesce(t.confidence, -1) END DESC,
    CASE WHEN :sort = 'confidence' AND NOT cast(:descending AS boolean) THEN coalesce(t.confidence, -1) END,
    CASE WHEN :sort = 'symbol' AND cast(:descending AS boolean) THEN t.symbol END DESC,
    CASE WHEN :sort = 'symbol' AND NOT cast(:descending AS boolean) THEN t.symbol END,
    CASE WHEN cast(:descending AS boolean) THEN t.trade_id END DESC,
    CASE WHEN NOT cast(:descending AS boolean) THEN t.trade_id END
LIMIT :most;
