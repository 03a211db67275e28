-- One row per rollup row of the given days. Parameter: days (date array). Called by score.
DELETE FROM scorekeeper.daily_score
WHERE day = any(cast(:days AS date[]));
