-- name: select_state
-- At most one row: the last state of a version.
-- Parameter: version.
SELECT s.as_of, s.outcomes, s.independent, s.sums
FROM scorekeeper.weight_state AS s
WHERE s.version = :version
ORDER BY s.as_of DESC
LIMIT 1;


-- name: select_agent_sums
-- One row per agent of a state, in order.
-- Parameters: version, as_of.
SELECT a.agent, a.calls, a.independent_calls, a.sums
FROM scorekeeper.agent_weight AS a
WHERE a.version = :version AND a.as_of = :as_of
ORDER BY a.agent;


-- name: create_new_states
-- One row per hour with a new state.
CREATE TEMPORARY TABLE new_state (
    as_of timestamptz, outcomes bigint, independent double precision, up double precision, down double precision,
    squares double precision, sizes double precision, advantage double precision, beta double precision
) ON COMMIT DROP;


-- name: copy_new_states
-- One row per hour with a new state.
COPY new_state FROM STDIN WITH BINARY;


-- name: insert_states
-- One row per hour with a new state. Parameter: version.
INSERT INTO scorekeeper.weight_state (version, as_of, outcomes, independent, sums, beta)
SELECT :version, n.as_of, n.outcomes, n.independent, ARRAY[n.up, n.down, n.squares, n.sizes, n.advantage], n.beta
FROM new_state AS n
ORDER BY n.as_of;


-- name: create_new_weights
-- One row per hour with a new state and agent that is known by then, by its place in the list of agents.
CREATE TEMPORARY TABLE new_weight (
    as_of timestamptz, agent_no integer, weight double precision, weight_in_use double precision, p double precision,
    calls double precision, ups double precision, independent double precision, right_up double precision,
    right_down double precision, wrong_up double precision, wrong_down double precision
) ON COMMIT DROP;


-- name: copy_new_weights
-- One row per hour with a new state and agent.
COPY new_weight FROM STDIN WITH BINARY;


-- name: insert_weights
-- One row per hour with a new state and agent. Parameters: version, agents (text array).
INSERT INTO scorekeeper.agent_weight (
    version, as_of, agent, weight, weight_in_use, p, calls, independent_calls, long_share, sums
)
SELECT
    :version, n.as_of, (cast(:agents AS text[]))[n.agent_no + 1], n.weight, n.weight_in_use, n.p,
    cast(n.calls AS bigint), n.independent, n.ups / nullif(n.calls, 0),
    ARRAY[n.right_up, n.right_down, n.wrong_up, n.wrong_down, n.ups]
FROM new_weight AS n
ORDER BY n.as_of, n.agent_no;
