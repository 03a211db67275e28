-- name: select_has_terms
-- One row: whether any closed trade has a cost beside its fee, or a size. Where none has, an index says so at once.
SELECT count(*) > 0 AS has_terms
FROM (
    SELECT r.exit_time FROM scorekeeper.report_trade_terms AS r
    WHERE r.exit_time IS NOT NULL
    ORDER BY r.exit_time LIMIT 1
) AS earliest;

-- name: count_terms
-- One row: what metrics/count_terms counts, of what a reader may read, as of a moment.
-- Parameters: those of trades_by_part.
-- with chosen: dashboard/trades_by_part
SELECT
    count(r.position_value) AS sized,
    count(coalesce(r.entry_fee_bps, CASE r.exit_reason WHEN 'take_profit' THEN r.target_fee_bps END)) AS maker_fee,
    count(r.share_fee_pct) AS fee_per_share,
    count(*) FILTER (WHERE r.min_fee IS NOT NULL AND r.position_value IS NOT NULL) AS minimum_fee,
    count(r.spread_bps) AS spread,
    count(r.funding_bps_per_day) AS funding
FROM chosen AS c
INNER JOIN scorekeeper.report_trade_terms AS r ON c.trade_id = r.trade_id;

-- name: sum_money
-- One row: what metrics/sum_money adds up, of what a reader may read, as of a moment.
-- Parameters: those of trades_by_part.
-- Doubles become numeric through text: a direct cast keeps 15 digits only.
-- with chosen: dashboard/trades_by_part
WITH sized AS ( -- noqa: ST03
    SELECT
        c.exit_time,
        cast(cast(r.position_value AS text) AS numeric) AS value,
        cast(cast(c.pnl_pct AS text) AS numeric) * 0.01 AS gain,
        cast(cast(c.net_pnl_pct AS text) AS numeric) * 0.01 AS net_gain
    FROM chosen AS c
    INNER JOIN scorekeeper.report_trade_terms AS r ON c.trade_id = r.trade_id
    WHERE r.position_value IS NOT NULL
)
-- with summed: metrics/sum_sized
SELECT
    trades, traded_value, gross_pnl, net_pnl, net_won, net_lost, value_won, max_drawdown, current_drawdown
FROM summed;

-- name: select_trade_terms
-- At most one row: what a trade costs beside its fee, its size, and what it earned in quote currency. No row where
-- it has neither. Parameter: trade_id.
SELECT
    r.entry_fee_bps, r.target_fee_bps, r.share_fee_pct, r.min_fee, r.spread_bps, r.funding_bps_per_day,
    r.position_value, r.gross_pnl, r.net_pnl
FROM scorekeeper.report_trade_terms AS r
WHERE r.trade_id = :trade_id;
