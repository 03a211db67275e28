-- One row per decision of a selection, a page of it, in order; with what became of it as far as it was known.
-- Parameters: those of selected_decisions; sort, descending; after_id (null: the first page) with the sorted value of
-- the last row before it (after_at, after_value or after_text); most.
-- with selected: dashboard/selected_decisions
WITH found AS (
    SELECT
        n.trade_id, n.version, n.symbol, n.bar_interval, n.action, n.direction, n.confidence, n.price, n.opened_at,
        n.expires_at, n.received_at, n.late, n.price_suspect, n.horizon_return_pct, n.traded, n.exit_reason, n.pnl_pct,
        n.net_pnl_pct, n.said, n.said_direction, n.said_confidence, n.reason, n.known, n.closed
    FROM selected AS n
    WHERE
        (
            cast(:after_id AS text) IS NULL
            OR (
                :sort = 'opened_at' AND cast(:descending AS boolean)
                AND (n.opened_at, n.trade_id) < (cast(:after_at AS timestamptz), :after_id)
            )
            OR (
                :sort = 'opened_at' AND NOT cast(:descending AS boolean)
                AND (n.opened_at, n.trade_id) > (cast(:after_at AS timestamptz), :after_id)
            )
            OR (
                :sort = 'expires_at' AND cast(:descending AS boolean)
                AND (n.expires_at, n.trade_id) < (cast(:after_at AS timestamptz), :after_id)
            )
            OR (
                :sort = 'expires_at' AND NOT cast(:descending AS boolean)
                AND (n.expires_at, n.trade_id) > (cast(:after_at AS timestamptz), :after_id)
            )
            OR (
                :sort = 'confidence' AND cast(:descending AS boolean)
                AND (coalesce(n.confidence, -1), n.trade_id) < (cast(:after_value AS float8), :after_id)
            )
            OR (
                :sort = 'confidence' AND NOT cast(:descending AS boolean)
                AND (coalesce(n.confidence, -1), n.trade_id) > (cast(:after_value AS float8), :after_id)
            )
            OR (
                :sort = 'symbol' AND cast(:descending AS boolean)
                AND (n.symbol, n.trade_id) < (cast(:after_text AS text), :after_id)
            )
            OR (
                :sort = 'symbol' AND NOT cast(:descending AS boolean)
                AND (n.symbol, n.trade_id) > (cast(:after_text AS text), :after_id)
            )
        )
    ORDER BY
        CASE WHEN :sort = 'opened_at' AND cast(:descending AS boolean) THEN n.opened_at END DESC,
        CASE WHEN :sort = 'opened_at' AND NOT cast(:descending AS boolean) THEN n.opened_at END,
        CASE WHEN :sort = 'expires_at' AND cast(:descending AS boolean) THEN n.expires_at END DESC,
        CASE WHEN :sort = 'expires_at' AND NOT cast(:descending AS boolean) THEN n.expires_at END,
        CASE WHEN :sort = 'confidence' AND cast(:descending AS boolean) THEN coalesce(n.confidence, -1) END DESC,
        CASE WHEN :sort = 'confidence' AND NOT cast(:descending AS boolean) THEN coalesce(n.confidence, -1) END,
        CASE WHEN :sort = 'symbol' AND cast(:descending AS boolean) THEN n.symbol END DESC,
        CASE WHEN :sort = 'symbol' AND NOT cast(:descending AS boolean) THEN n.symbol END,
        CASE WHEN cast(:descending AS boolean) THEN n.trade_id END DESC,
        CASE WHEN NOT cast(:descending AS boolean) THEN n.trade_id END
    LIMIT :most
)
SELECT
    trade_id, version, symbol, bar_interval, action, direction, confidence, price, opened_at, expires_at, received_at,
    late, price_suspect, CASE WHEN known THEN horizon_return_pct END AS horizon_return_pct, traded,
    CASE WHEN closed THEN exit_reason END AS exit_reason, CASE WHEN closed THEN pnl_pct END AS pnl_pct,
    CASE WHEN closed THEN net_pnl_pct END AS net_pnl_pct, said, said_direction, said_confidence, reason
FROM found;
