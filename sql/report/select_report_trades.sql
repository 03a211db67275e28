-- One row per closed trade that counts, of one version (null: all), in order of exit; times in seconds since 1970,
-- the rest in percent of entry. Parameters: version.
SELECT
    cast(extract(EPOCH FROM t.opened_at) AS double precision) AS opened,
    cast(extract(EPOCH FROM t.exit_time) AS double precision) AS closed,
    t.pnl_pct, t.net_pnl_pct, t.mfe_pct, t.mae_pct
FROM scorekeeper.trade AS t
INNER JOIN scorekeeper.decision AS d ON t.trade_id = d.trade_id
WHERE
    t.exit_time IS NOT NULL AND d.voided_at IS NULL AND d.price_suspect IS NOT TRUE
    AND (cast(:version AS text) IS NULL OR t.version = :version)
ORDER BY t.exit_time, t.trade_id;
