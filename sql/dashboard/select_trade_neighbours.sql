-- One row: the closed trades before and after an exit in order of (exit_time, trade_id), of a scope (null: all).
-- Parameters: exit_time, trade_id, version, symbol.
SELECT
    (
        SELECT t.trade_id FROM scorekeeper.report_trades AS t
        WHERE
            (t.exit_time, t.trade_id) < (:exit_time, cast(:trade_id AS text))
            AND (cast(:version AS text) IS NULL OR t.version = :version)
            AND (cast(:symbol AS text) IS NULL OR t.symbol = :symbol)
        ORDER BY t.exit_time DESC, t.trade_id DESC LIMIT 1
    ) AS previous_id,
    (
        SELECT t.trade_id FROM scorekeeper.report_trades AS t
        WHERE
            (t.exit_time, t.trade_id) > (:exit_time, cast(:trade_id AS text))
            AND (cast(:version AS text) IS NULL OR t.version = :version)
            AND (cast(:symbol AS text) IS NULL OR t.symbol = :symbol)
        ORDER BY t.exit_time, t.trade_id LIMIT 1
    ) AS next_id;
