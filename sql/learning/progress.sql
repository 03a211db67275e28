-- name: begin_learning
-- One row per version that counts a decision opened before `until` and is not learned yet: its progress begins at the
-- last whole hour before its first decision. While no version is learned, all decisions are looked at. Later these are
-- looked at: those that expire after the last run's hour, and those of versions with a note. Parameter: until.
WITH last_run AS (
    SELECT max(p.learning_until) AS learning_until FROM scorekeeper.learning_progress AS p
),
fresh AS (
    SELECT DISTINCT d.version
    FROM scorekeeper.decision AS d
    WHERE d.expires_at > coalesce((SELECT r.learning_until FROM last_run AS r), '-infinity')
    UNION
    SELECT s.version FROM scorekeeper.stale_learning AS s
),
begun AS (
    SELECT f.version, min(d.opened_at) AS opened_at
    FROM fresh AS f
    INNER JOIN scorekeeper.decision AS d ON f.version = d.version
    WHERE
        NOT EXISTS (
            SELECT 1 FROM scorekeeper.learning_progress AS p
            WHERE p.version = f.version
        )
        AND d.opened_at <= :until
        AND d.__counts__
    GROUP BY f.version
)
INSERT INTO scorekeeper.learning_progress (version, learned_until, learning_until)
SELECT b.version, date_trunc('hour', b.opened_at - interval '1 microsecond', 'UTC'), :until
FROM begun AS b;


-- name: select_stale
-- One row per version with rows that must be made again. kept_until: the last whole hour before what changed. Its first
-- decisions choose the length of its blocks. If they may have changed, all its rows are made again (is_whole), from the
-- last hour before its first decision on (null: none counts any more).
SELECT
    s.version, s.from_at <= coalesce(p.blocks_from, 'infinity') AS is_whole,
    CASE
        WHEN s.from_at > coalesce(p.blocks_from, 'infinity')
            THEN date_trunc('hour', s.from_at - interval '1 microsecond', 'UTC')
        ELSE (
            SELECT date_trunc('hour', min(d.opened_at) - interval '1 microsecond', 'UTC')
            FROM scorekeeper.decision AS d
            WHERE
                d.version = s.version
                AND d.__counts__
        )
    END AS kept_until
FROM scorekeeper.stale_learning AS s
INNER JOIN scorekeeper.learning_progress AS p ON s.version = p.version
WHERE s.from_at <= p.learned_until
ORDER BY s.version;


-- name: discard_learned
-- One row of nothing: everything that a version has learned after kept_until is deleted, in every table. Before its
-- blocks have a length, it has no evidence. Parameters: version, kept_until.
WITH votes AS (
    DELETE FROM scorekeeper.learned_vote
    WHERE version = :version AND opened_at > cast(:kept_until AS timestamptz)
),
outcomes AS (
    DELETE FROM scorekeeper.learned_outcome
    WHERE version = :version AND expires_at > cast(:kept_until AS timestamptz)
),
probabilities AS (
    DELETE FROM scorekeeper.learned_probability
    WHERE version = :version AND as_of > cast(:kept_until AS timestamptz)
),
states AS (
    DELETE FROM scorekeeper.weight_state
    WHERE version = :version AND as_of > cast(:kept_until AS timestamptz)
),
weights AS (
    DELETE FROM scorekeeper.agent_weight
    WHERE version = :version AND as_of > cast(:kept_until AS timestamptz)
),
evidence AS (
    DELETE FROM scorekeeper.weight_evidence
    WHERE
        version = :version
        AND (
            ends_at > cast(:kept_until AS timestamptz)
            OR EXISTS (
                SELECT 1 FROM scorekeeper.learning_progress AS p
                WHERE p.version = :version AND p.blocks_from > cast(:kept_until AS timestamptz)
            )
        )
),
maps AS (
    DELETE FROM scorekeeper.calibration_map
    WHERE version = :version AND as_of > cast(:kept_until AS timestamptz)
),
trades AS (
    DELETE FROM scorekeeper.meta_trade
    WHERE version = :version AND expires_at > cast(:kept_until AS timestamptz)
),
tallies AS (
    DELETE FROM scorekeeper.calibration_tally
    WHERE version = :version AND as_of > cast(:kept_until AS timestamptz)
)
DELETE FROM scorekeeper.meta_model
WHERE version = :version AND as_of > cast(:kept_until AS timestamptz);


-- name: reset_progress
-- One row: a version is learned up to kept_until only; its blocks have a length if its first decisions were before that
-- and have not changed (is_whole: they may have). Parameters: version, kept_until, is_whole.
UPDATE scorekeeper.learning_progress AS p
SET
    learned_until = least(p.learned_until, cast(:kept_until AS timestamptz)),
    block_hours = CASE WHEN NOT :is_whole AND p.blocks_from <= cast(:kept_until AS timestamptz) THEN p.block_hours END,
    blocks_from = CASE WHEN NOT :is_whole AND p.blocks_from <= cast(:kept_until AS timestamptz) THEN p.blocks_from END,
    mapped_until = NULL
WHERE p.version = :version;


-- name: end_learning
-- At most one row: a version without any decision that counts is not learned any more. Parameter: version.
DELETE FROM scorekeeper.learning_progress
WHERE version = :version;


-- name: forget_stale
-- One row per version with a note of a change: what it discards is discarded. The note of a version that is not learned
-- yet is kept by a run up to an earlier hour than that of others: it alone tells a later run of that version.
-- Parameter: until.
DELETE FROM scorekeeper.stale_learning AS s
WHERE
    s.version IN (SELECT p.version FROM scorekeeper.learning_progress AS p)
    OR NOT EXISTS (
        SELECT 1 FROM scorekeeper.learning_progress AS p
        WHERE p.learning_until > cast(:until AS timestamptz)
    );


-- name: intend
-- One row per version that is learned up to an earlier hour: from now on, changes before `until` are noted.
-- Parameter: until.
UPDATE scorekeeper.learning_progress
SET learning_until = cast(:until AS timestamptz)
WHERE learning_until < cast(:until AS timestamptz);


-- name: pass_idle
-- One row per version that decides no more: nothing changes up to `until`. None of its decisions ends after the hour
-- that it is learned up to, and its last block and its last day with an outcome are over. Parameter: until.
UPDATE scorekeeper.learning_progress AS p
SET learned_until = cast(:until AS timestamptz)
WHERE
    p.learned_until < cast(:until AS timestamptz)
    AND NOT EXISTS (
        SELECT 1 FROM scorekeeper.decision AS d
        WHERE
            d.version = p.version AND d.expires_at > p.learned_until
            -- So few are looked at, by the index.
            AND d.expires_at > (SELECT min(x.learned_until) FROM scorekeeper.learning_progress AS x)
    )
    AND NOT EXISTS (
        SELECT 1 FROM scorekeeper.learned_outcome AS o
        WHERE
            o.version = p.version
            AND o.expires_at > p.learned_until - greatest(24, coalesce(p.block_hours, 24)) * interval '1 hour'
    );


-- name: select_progress
-- One row per version that is learned, in order (version null: all).
-- Parameter: version.
SELECT p.version, p.learned_until, p.block_hours, p.blocks_from
FROM scorekeeper.learning_progress AS p
WHERE p.version = cast(:version AS text) OR cast(:version AS text) IS NULL
ORDER BY p.version;


-- name: advance_learned
-- One row: a version's rows are complete up to `until`. Parameters: version, until, block_hours, blocks_from.
UPDATE scorekeeper.learning_progress
SET
    learned_until = :until, block_hours = cast(:block_hours AS integer),
    blocks_from = cast(:blocks_from AS timestamptz)
WHERE version = :version;


-- name: select_first_holds
-- One row per decision of the first 20 that count, in order: when it was made, and its hold in microseconds.
-- Parameter: version.
SELECT v.opened_at, cast(extract(EPOCH FROM d.expires_at - v.opened_at) * 1000000 AS bigint) AS hold
FROM scorekeeper.learned_vote AS v
INNER JOIN scorekeeper.decision AS d ON v.trade_id = d.trade_id
WHERE v.version = :version
ORDER BY v.opened_at, v.trade_id
LIMIT 20;
