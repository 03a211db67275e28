-- One row per closed trade that counts, in a scope (null: all), suspect ones too if asked for; what closed after `at`
-- (null: no limit) counts nowhere yet. Parameters: version, symbol, include_suspect, at. Called by recheck.
SELECT t.trade_id, t.version, t.symbol, t.opened_at, t.exit_time, t.pnl_pct, t.net_pnl_pct, t.mfe_pct, t.mae_pct
FROM scorekeeper.trade AS t
INNER JOIN scorekeeper.decision AS d ON t.trade_id = d.trade_id
WHERE
    t.exit_time IS NOT NULL AND d.voided_at IS NULL
    AND (cast(:include_suspect AS boolean) OR d.price_suspect IS NOT TRUE)
    AND (cast(:version AS text) IS NULL OR t.version = :version)
    AND (cast(:symbol AS text) IS NULL OR t.symbol = :symbol)
    AND (cast(:at AS timestamptz) IS NULL OR t.exit_time <= :at);
