-- One row per rollup row of the given days. Parameter: days (date array).
DELETE FROM scorekeeper.daily_score
WHERE day = any(cast(:days AS date[]));
