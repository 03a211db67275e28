-- One row per scorecard of a version (null: all) that has a rollup of one of the given days. Parameters: days,
-- agent_days (date arrays: of the system's rollups, of the agents'). Called by score.
WITH touched AS (
    SELECT version FROM scorekeeper.daily_score
    WHERE day = any(cast(:days AS date[]))
    UNION
    SELECT version FROM scorekeeper.agent_daily_score
    WHERE day = any(cast(:agent_days AS date[]))
)
UPDATE scorekeeper.scorecard AS s SET outdated = true
FROM touched AS t
WHERE s.version IS NOT DISTINCT FROM t.version AND NOT s.outdated;
