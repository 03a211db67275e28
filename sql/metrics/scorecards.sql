-- name: select_scored_until
-- One row: the as_of of the stored scorecards; null where there are none.
SELECT max(s.as_of) AS as_of
FROM scorekeeper.scorecard AS s;

-- name: select_scorecard
-- At most one row: the stored answer of a version (null: all); none where its days have changed since.
-- Parameter: version.
SELECT s.answer
FROM scorekeeper.scorecard AS s
WHERE s.version IS NOT DISTINCT FROM cast(:version AS text) AND NOT s.outdated;

-- name: select_scorecard_state
-- At most one row: whether the scorecard of a version (null: all) is outdated, and its stored sums of older days (null:
-- none). Parameter: version.
SELECT s.outdated, s.before_day, s.before
FROM scorekeeper.scorecard AS s
WHERE s.version IS NOT DISTINCT FROM cast(:version AS text);

-- name: mark_scorecards_outdated
-- One row per scorecard of a version (null: all) that has a rollup of one of the given days: it is outdated. Its sums
-- of older days are deleted where one of the given days is among them. Parameters: days, agent_days (date arrays: of
-- the system's rollups, of the agents').
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

-- name: delete_scorecards
-- One row per version that has no score any more, since its last decision was voided. Parameter: versions.
DELETE FROM scorekeeper.scorecard
WHERE NOT version = any(cast(:versions AS text[]));

-- name: upsert_scorecard
-- One row: stores the answer of a version (null: all) at `as_of`; where it was composed, also the sums of its days
-- before `before_day`.
-- Parameters: version, as_of, answer, composed, before_day, before.
INSERT INTO scorekeeper.scorecard AS s (version, as_of, answer, before_day, before)
VALUES (:version, :as_of, cast(:answer AS json), :before_day, cast(:before AS json))
ON CONFLICT (version) DO UPDATE SET
    as_of = excluded.as_of, answer = excluded.answer, outdated = false,
    before_day = CASE WHEN :composed THEN excluded.before_day ELSE s.before_day END,
    before = CASE WHEN :composed THEN excluded.before ELSE s.before END;
