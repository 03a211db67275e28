-- name: take_stale_days
-- One row per UTC day whose rollups are to be made again: it is taken off the list. A day from before retention is
-- taken off too, and stays as it was made: not all of its decisions are there.
WITH taken AS (
    DELETE FROM scorekeeper.stale_day
    RETURNING kind, day
)
SELECT t.kind, t.day
FROM taken AS t
WHERE
    NOT EXISTS (
        SELECT 1 FROM scorekeeper.retention AS r
        WHERE t.day < cast(r.decisions_from AT TIME ZONE 'UTC' AS date)
    );

-- name: delete_daily_scores
-- One row per rollup row of the given days. Parameter: days (date array).
DELETE FROM scorekeeper.daily_score
WHERE day = any(cast(:days AS date[]));

-- name: delete_agent_daily_scores
-- One row per agent rollup row of the given days. Parameter: days (date array).
DELETE FROM scorekeeper.agent_daily_score
WHERE day = any(cast(:days AS date[]));

-- name: keep_stale_days
-- One row per UTC day with a trade that closed after as_of, as an imported one may: it goes back on the list.
-- Parameter: as_of.
INSERT INTO scorekeeper.stale_day (kind, day)
SELECT 'system', cast(exit_time AT TIME ZONE 'UTC' AS date)
FROM scorekeeper.trade
WHERE exit_time > :as_of
UNION
SELECT 'agent', cast(expires_at AT TIME ZONE 'UTC' AS date)
FROM scorekeeper.trade
WHERE exit_time > :as_of
ON CONFLICT DO NOTHING;
