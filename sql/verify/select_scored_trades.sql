-- One row per closed trade that counts.
SELECT t.trade_id, t.version, t.symbol, t.opened_at, t.exit_time, t.pnl_pct, t.net_pnl_pct, t.mfe_pct, t.mae_pct
FROM scorekeeper.trade AS t
INNER JOIN scorekeeper.decision AS d ON t.trade_id = d.trade_id
WHERE t.exit_time IS NOT NULL AND d.voided_at IS NULL AND d.price_suspect IS NOT TRUE;
