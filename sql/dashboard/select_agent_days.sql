-- One row per UTC day of expiry of an agent, in [from_day, to_day) (null: no limit), from the rollups, in order.
-- Parameters: agent, version, symbol (null: all), from_day, to_day.
SELECT day, signals, calls, correct, incorrect, cast(sum_call_return_pct AS float8) AS total_call_return_pct
FROM scorekeeper.report_agent_daily_pieces
WHERE
    agent = :agent
    AND (version = cast(:version AS text) OR (cast(:version AS text) IS NULL AND version IS NULL))
    AND (symbol = cast(:symbol AS text) OR (cast(:symbol AS text) IS NULL AND symbol IS NULL))
    AND (cast(:from_day AS date) IS NULL OR day >= :from_day)
    AND (cast(:to_day AS date) IS NULL OR day < :to_day)
    AND signals > 0
ORDER BY day;
