-- One row per given decision: its columns, its request to close, its agents' signals in order, and the rules
-- it was read by (null: those of an older release). Parameter: ids (text array).
SELECT
    d.symbol, d.__decision_columns__, cast(r.rules AS text) AS rules, e.side AS exit_side, e.closes, e.given_id,
    coalesce(s.signals, cast('[]' AS jsonb)) AS signals
FROM scorekeeper.decision AS d
LEFT JOIN scorekeeper.reading AS r ON d.reading_id = r.reading_id
LEFT JOIN scorekeeper.exit_request AS e ON d.trade_id = e.trade_id
LEFT JOIN LATERAL (
    SELECT
        jsonb_agg(jsonb_build_array(a.__signal_columns__) ORDER BY a.ordinal) AS signals
    FROM scorekeeper.agent_signal AS a
    WHERE a.trade_id = d.trade_id
) AS s ON true
WHERE d.trade_id = any(cast(:ids AS text[]));
