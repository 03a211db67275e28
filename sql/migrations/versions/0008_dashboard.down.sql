DROP VIEW scorekeeper.report_status;
DROP VIEW scorekeeper.report_market;
DROP VIEW scorekeeper.report_alerts;
DROP VIEW scorekeeper.report_coverage;
DROP VIEW scorekeeper.report_rejections;
DROP VIEW scorekeeper.report_agent_daily_pieces;
DROP VIEW scorekeeper.report_daily_pieces;
DROP VIEW scorekeeper.report_scorecards;
DROP VIEW scorekeeper.report_analyses;
DROP VIEW scorekeeper.report_candle_revisions;
DROP VIEW scorekeeper.report_candles;
DROP VIEW scorekeeper.report_agent_signals;
DROP VIEW scorekeeper.report_decisions;
DROP VIEW scorekeeper.report_daily_scores;
DROP VIEW scorekeeper.report_trades;
DROP VIEW scorekeeper.price_judgement;
DROP VIEW scorekeeper.trade_close;
CREATE VIEW scorekeeper.report_trades AS
SELECT
    t.trade_id, t.version, t.symbol, d.bar_interval, CASE t.direction WHEN 1 THEN 'long' ELSE 'short' END AS side,
    d.confidence, t.opened_at, t.exit_time, t.entry_price, t.exit_price, t.exit_reason, t.price_source,
    t.ambiguous_exit, t.pnl_pct, t.net_pnl_pct, t.mfe_pct, t.mae_pct, d.horizon_return_pct,
    cast(extract(EPOCH FROM t.exit_time - t.opened_at) / 60 AS float8) AS hold_time_minutes,
    coalesce(d.price_suspect, false) AS price_suspect, d.late
FROM scorekeeper.trade AS t
INNER JOIN scorekeeper.decision AS d ON t.trade_id = d.trade_id
WHERE t.exit_time IS NOT NULL AND d.voided_at IS NULL;
COMMENT ON VIEW scorekeeper.report_trades IS
'One row per closed trade, without voided ones. Figures leave out those whose price is suspect unless asked for.';
CREATE VIEW scorekeeper.report_daily_scores AS
SELECT
    s.day, s.version, s.symbol, s.after_fees, s.trades AS completed_trades, s.winners AS profitable_trades,
    s.losers AS losing_trades, s.trades - s.winners - s.losers AS breakeven_trades,
    cast(100 AS float8) * s.winners / s.trades AS win_rate,
    cast(s.sum_winners_pct / nullif(s.winners, 0) AS float8) AS avg_profit_pct,
    cast(s.sum_losers_pct / nullif(s.losers, 0) AS float8) AS avg_loss_pct,
    cast(s.sum_pct AS float8) AS total_pnl_pct,
    cast(s.sum_pct / s.trades AS float8) AS expectancy_pct,
    cast(s.sum_winners_pct / -nullif(s.sum_losers_pct, 0) AS float8) AS profit_factor,
    cast(s.hold_seconds / 60 / s.trades AS float8) AS avg_hold_minutes,
    cast(s.sum_mfe_pct / s.trades AS float8) AS avg_mfe_pct,
    cast(s.sum_mae_pct / s.trades AS float8) AS avg_mae_pct
FROM scorekeeper.daily_score AS s;
COMMENT ON VIEW scorekeeper.report_daily_scores IS
'One row per UTC exit day, version and symbol (null: all) and basis; no row for a day without closed trades.';
DROP INDEX scorekeeper.trade_by_version_exit;
DROP INDEX scorekeeper.trade_by_symbol_exit;
DROP INDEX scorekeeper.trade_by_pnl;
DROP INDEX scorekeeper.trade_by_net_pnl;
