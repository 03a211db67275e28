-- name: trades_with_terms
-- One row per closed trade of a scope (null: all) with a cost beside the fee, or a size. Parameters: version, symbol,
-- since, until, include_suspect, exclude_late, at: see count_days.
SELECT t.exit_time, t.exit_reason, t.pnl_pct, t.net_pnl_pct, t.__cost_columns__
FROM scorekeeper.trade AS t
INNER JOIN scorekeeper.decision AS n ON t.trade_id = n.trade_id
WHERE
    t.exit_time IS NOT NULL AND n.voided_at IS NULL
    AND num_nonnulls(t.__cost_columns__) > 0
    AND (cast(:include_suspect AS boolean) OR n.price_suspect IS NOT TRUE)
    AND NOT (cast(:exclude_late AS boolean) AND n.late)
    AND (cast(:version AS text) IS NULL OR t.version = :version)
    AND (cast(:symbol AS text) IS NULL OR t.symbol = :symbol)
    AND (cast(:since AS timestamptz) IS NULL OR t.exit_time >= :since)
    AND (cast(:until AS timestamptz) IS NULL OR t.exit_time < :until)
    AND (cast(:at AS timestamptz) IS NULL OR t.exit_time <= :at);

-- name: count_terms
-- One row: how many of the closed trades of a scope have a size, and how many have each cost beside the fee.
-- Parameters: those of trades_with_terms.
-- with scoped: metrics/trades_with_terms
SELECT
    count(t.position_value) AS sized,
    count(coalesce(t.entry_fee_bps, CASE t.exit_reason WHEN 'take_profit' THEN t.target_fee_bps END)) AS maker_fee,
    count(t.share_fee_pct) AS fee_per_share,
    count(*) FILTER (WHERE t.min_fee IS NOT NULL AND t.position_value IS NOT NULL) AS minimum_fee,
    count(t.spread_bps) AS spread,
    count(t.funding_bps_per_day) AS funding
FROM scoped AS t;

-- name: sum_money
-- One row: the sums, in quote currency, of the closed trades of a scope that have a size, and the path of their P&L
-- after costs, which takes one step per exit_time. Parameters: those of trades_with_terms.
-- Doubles become numeric through text: a direct cast keeps 15 digits only.
-- with scoped: metrics/trades_with_terms
WITH sized AS ( -- noqa: ST03
    SELECT
        t.exit_time,
        cast(cast(t.position_value AS text) AS numeric) AS value,
        cast(cast(t.pnl_pct AS text) AS numeric) * 0.01 AS gain,
        cast(cast(t.net_pnl_pct AS text) AS numeric) * 0.01 AS net_gain
    FROM scoped AS t
    WHERE t.position_value IS NOT NULL
)
-- with summed: metrics/sum_sized
SELECT
    trades, traded_value, gross_pnl, net_pnl, net_won, net_lost, value_won, max_drawdown, current_drawdown
FROM summed;

-- name: sum_sized
-- One row: the sums of the CTE sized, which has one row per closed trade with a size: exit_time, its value at entry,
-- and its P&L before and after costs as a share of that (gain, net_gain), all numeric. Answers and pages share it.
WITH steps AS (
    SELECT exit_time, sum(sum(value * net_gain)) OVER (ORDER BY exit_time) AS level
    FROM sized
    GROUP BY exit_time
),
falls AS (
    SELECT
        exit_time,
        greatest(0, max(level) OVER (ORDER BY exit_time)) - level AS fall,
        row_number() OVER (ORDER BY exit_time DESC) AS place
    FROM steps
)
SELECT
    count(*) AS trades,
    sum(value) AS traded_value,
    sum(value * gain) AS gross_pnl,
    sum(value * net_gain) AS net_pnl,
    sum(value * net_gain) FILTER (WHERE net_gain > 0) AS net_won,
    sum(value * net_gain) FILTER (WHERE net_gain < 0) AS net_lost,
    sum(value) FILTER (WHERE gain > 0) AS value_won,
    (SELECT max(f.fall) FROM falls AS f) AS max_drawdown,
    (SELECT max(f.fall) FILTER (WHERE f.place = 1) FROM falls AS f) AS current_drawdown
FROM sized;
