-- name: select_retention
-- At most one row: since when decisions are kept, and when older ones were last deleted.
SELECT decisions_from, pruned_as_of
FROM scorekeeper.retention;


-- name: select_unfinished
-- At most one row: the oldest decision from before `wanted` that holds back the deletion: its trade is open, its
-- horizon is not known, or it ends after the last midnight that was learned. One whose symbol never had a price holds
-- nothing back once it has been there for as long as decisions are kept. Parameter: wanted.
WITH learned AS (
    SELECT coalesce(date_trunc('day', min(p.learned_until), 'UTC'), 'infinity') AS until
    FROM scorekeeper.learning_progress AS p
),
unfinished AS (
    SELECT d.trade_id
    FROM scorekeeper.decision AS d
    WHERE d.horizon_known_at IS NULL
    UNION ALL
    SELECT t.trade_id
    FROM scorekeeper.trade AS t
    WHERE t.exit_time IS NULL
    UNION ALL
    SELECT d.trade_id
    FROM scorekeeper.decision AS d
    WHERE d.expires_at > (SELECT l.until FROM learned AS l)
)
SELECT d.trade_id, d.symbol, d.opened_at
FROM unfinished AS u
INNER JOIN scorekeeper.decision AS d ON u.trade_id = d.trade_id
WHERE
    d.opened_at < cast(:wanted AS timestamptz) AND d.voided_at IS NULL
    AND (
        d.received_at >= cast(:wanted AS timestamptz)
        OR EXISTS (
            SELECT 1 FROM scorekeeper.candle_coverage AS c
            WHERE c.symbol = d.symbol
        )
    )
ORDER BY d.opened_at, d.trade_id
LIMIT 1;


-- name: keep_decisions_from
-- One row: from now on decisions from before `bound` are refused, and may be deleted. The bound never goes back.
-- Parameters: bound, as_of.
INSERT INTO scorekeeper.retention (decisions_from, pruned_as_of)
VALUES (:bound, :as_of)
ON CONFLICT (only_row) DO UPDATE
    SET
        decisions_from = greatest(retention.decisions_from, excluded.decisions_from),
        pruned_as_of = greatest(retention.pruned_as_of, excluded.pruned_as_of);


-- name: select_last_old_line
-- One row: the last line of the decisions that ended before the bound (0: none), and how many of them there are.
-- Parameter: bound.
SELECT coalesce(max(e.line_no), 0) AS line_no, count(*) FILTER (WHERE e.kind = 'decision') AS decisions
FROM scorekeeper.decision AS d
INNER JOIN scorekeeper.event AS e ON d.trade_id = e.trade_id
WHERE d.expires_at < cast(:bound AS timestamptz) AND d.opened_at < cast(:bound AS timestamptz);


-- name: delete_decisions
-- One row: how many decisions from before the bound were deleted. Parameter: most.
SELECT scorekeeper.delete_decisions(:most);


-- name: forget_lagging
-- One row per published file that does not hold the lines up to line_no: it cannot be continued, so a later publication
-- sets it aside. Parameter: line_no.
DELETE FROM scorekeeper.publication
WHERE published_line_no < cast(:line_no AS bigint) AND kind IN ('log', 'dataset');


-- name: select_parquet
-- One row per dataset in Parquet: its folder. Its files are written again from decisions.
SELECT p.path
FROM scorekeeper.publication AS p
WHERE p.kind = 'parquet'
ORDER BY p.path;


-- name: forget_parquet
-- One row: a dataset in Parquet that is published no more, with what is known of its files. Parameter: path.
DELETE FROM scorekeeper.publication
WHERE path = :path AND kind = 'parquet';
