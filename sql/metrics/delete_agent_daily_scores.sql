-- One row per agent rollup row of the given days. Parameter: days (date array).
DELETE FROM scorekeeper.agent_daily_score
WHERE day = any(cast(:days AS date[]));
