-- One row: the counts that stand beside the figures of a scope. Parameters: version, symbol (null: all).
-- Called by score.
SELECT
    (SELECT m.last_as_of FROM scorekeeper.market AS m) AS as_of,
    (
        SELECT count(*) FROM scorekeeper.trade AS t
        INNER JOIN scorekeeper.decision AS d ON t.trade_id = d.trade_id
        WHERE
            t.exit_time IS NULL AND d.voided_at IS NULL AND d.price_suspect IS NOT TRUE
            AND (cast(:version AS text) IS NULL OR t.version = :version)
            AND (cast(:symbol AS text) IS NULL OR t.symbol = :symbol)
    ) AS active_trades,
    (
        SELECT count(*) FROM scorekeeper.decision AS d
        WHERE
            d.price_suspect AND d.direction <> 0 AND d.voided_at IS NULL
            AND (cast(:version AS text) IS NULL OR d.version = :version)
            AND (cast(:symbol AS text) IS NULL OR d.symbol = :symbol)
    ) AS suspect_trades,
    (
        SELECT count(*) FROM scorekeeper.decision AS d
        WHERE
            d.late AND d.voided_at IS NULL
            AND (cast(:version AS text) IS NULL OR d.version = :version)
            AND (cast(:symbol AS text) IS NULL OR d.symbol = :symbol)
    ) AS late_decisions;
