-- name: count_by_hour
-- One row per whole hour: how many decisions that count expire in it (after the hour before, up to it), in order.
-- Parameters: version, after, until.
SELECT
    date_trunc('hour', d.expires_at - interval '1 microsecond', 'UTC') + interval '1 hour' AS hour_ends_at,
    count(*) AS decisions
FROM scorekeeper.decision AS d
WHERE
    d.version = :version AND d.expires_at > :after AND d.expires_at <= :until
    AND d.__counts__
GROUP BY hour_ends_at
ORDER BY hour_ends_at;


-- name: create_window
-- One row per decision that counts, and is open at some time after the first outcome that becomes known after `after`
-- and up to `until` was opened. decision_no: from 0 in order of opened_at and trade_id; expiry_no: the same in order of
-- expires_at and trade_id. return_pct: null if it is not known at `until`, or 0. The table lives until the transaction
-- ends.
-- Parameters: version, after, until.
CREATE TEMPORARY TABLE learning_window ON COMMIT DROP AS
SELECT
    d.version, d.trade_id, d.opened_at, d.expires_at,
    CASE WHEN d.expires_at <= :until THEN nullif(d.horizon_return_pct, 0) END AS return_pct,
    cast(row_number() OVER (ORDER BY d.opened_at, d.trade_id) - 1 AS integer) AS decision_no,
    cast(row_number() OVER (ORDER BY d.expires_at, d.trade_id) - 1 AS integer) AS expiry_no
FROM scorekeeper.decision AS d
WHERE
    d.version = :version AND d.opened_at <= :until
    AND d.__counts__
    AND d.expires_at > least(
        :after,
        (
            SELECT min(x.opened_at) FROM scorekeeper.decision AS x
            WHERE
                x.version = :version AND x.expires_at > :after AND x.expires_at <= :until
                AND x.horizon_known_at IS NOT NULL AND x.horizon_return_pct <> 0
                AND x.__counts__
        )
    );


-- name: create_window_signals
-- One row per signal in the window. The table lives until the transaction ends.
CREATE TEMPORARY TABLE learning_signal ON COMMIT DROP AS
SELECT w.decision_no, s.agent, cast(s.direction AS integer) AS direction, coalesce(s.confidence, 'NaN') AS confidence
FROM scorekeeper.agent_signal AS s
INNER JOIN learning_window AS w ON s.trade_id = w.trade_id;


-- name: create_window_agents
-- One row per agent with a signal in the window, numbered from 0 in order.
CREATE TEMPORARY TABLE learning_agent ON COMMIT DROP AS
SELECT k.agent, cast(row_number() OVER (ORDER BY k.agent) - 1 AS integer) AS agent_no
FROM (SELECT DISTINCT s.agent FROM learning_signal AS s) AS k;


-- name: select_window_agents
-- One row per agent of the window, in order of agent_no.
SELECT k.agent
FROM learning_agent AS k
ORDER BY k.agent_no;


-- name: copy_window_decisions
-- One row per decision of the window, in no order, with its vote if an earlier run has stored it; NaN, or a direction
-- of 9: none.
COPY (
    SELECT
        w.decision_no, w.expiry_no, w.opened_at, w.expires_at, coalesce(w.return_pct, 'NaN'),
        coalesce(v.score, 'NaN'), coalesce(v.equal_score, 'NaN'), coalesce(v.scale_pct, 'NaN'),
        cast(coalesce(v.direction, 9) AS integer), cast(coalesce(v.equal_direction, 9) AS integer)
    FROM learning_window AS w
    LEFT JOIN scorekeeper.learned_vote AS v
        ON w.version = v.version AND w.opened_at = v.opened_at AND w.trade_id = v.trade_id
) TO STDOUT WITH BINARY;


-- name: copy_window_signals
-- One row per signal in the window, in no order; confidence NaN: none.
COPY (
    SELECT s.decision_no, k.agent_no, s.direction, s.confidence
    FROM learning_signal AS s
    INNER JOIN learning_agent AS k ON s.agent = k.agent
) TO STDOUT WITH BINARY;
