-- One row per scorecard of a version (null: all) that has a rollup of one of the given days. What it knows of earlier
-- days is forgotten where one of these is among them. Parameters: days, agent_days (date arrays: of the system's
-- rollups, of the agents').
WITH touched AS (
    SELECT version, day FROM scorekeeper.daily_score
    WHERE day = any(cast(:days AS date[]))
    UNION
    SELECT version, day FROM scorekeeper.agent_daily_score
    WHERE day = any(cast(:agent_days AS date[]))
),
first_touched AS (
    SELECT version, min(day) AS day
    FROM touched
    GROUP BY version
)
UPDATE scorekeeper.scorecard AS s SET
    outdated = true,
    before_day = CASE WHEN s.before_day <= t.day THEN s.before_day END,
    before = CASE WHEN s.before_day <= t.day THEN s.before END
FROM first_touched AS t
WHERE s.version IS NOT DISTINCT FROM t.version AND (NOT s.outdated OR s.before_day > t.day);
