-- One row per closed trade that counts, of the last :most, in the order in which they closed.
-- Parameter: most.
SELECT exit_time, pnl_pct, net_pnl_pct, mfe_pct, mae_pct, hold_time_minutes
FROM (
    SELECT * FROM scorekeeper.report_trades WHERE NOT price_suspect ORDER BY exit_time DESC LIMIT :most
) AS t
ORDER BY exit_time, trade_id;
