-- name: select_learned_version
-- At most one row: the version to speak of, which is `version`, or the one with the newest decision that counts and
-- had opened at `at` (null: ever); up to when it is learned. Parameters: version, at.
SELECT l.version, l.learned_until, l.block_hours, l.blocks_from, l.stale_from, n.opened_at AS newest_at
FROM scorekeeper.report_learning AS l
LEFT JOIN LATERAL (
    SELECT v.opened_at FROM scorekeeper.report_learned_votes AS v
    WHERE v.version = l.version AND (cast(:at AS timestamptz) IS NULL OR v.opened_at <= :at)
    ORDER BY v.opened_at DESC, v.trade_id DESC LIMIT 1
) AS n ON true
WHERE
    (cast(:version AS text) IS NULL OR l.version = :version)
    AND (cast(:version AS text) IS NOT NULL OR n.opened_at IS NOT NULL)
ORDER BY n.opened_at DESC NULLS LAST, l.version COLLATE "C" DESC LIMIT 1;

-- name: select_learned_versions
-- One row per version that is learned.
SELECT l.version FROM scorekeeper.report_learning AS l;

-- name: select_state_at
-- At most one row: the state of a version at `at`. Parameters: version, at.
SELECT s.outcomes, s.independent, s.beta, s.move_pct, s.advantage_bps
FROM scorekeeper.report_learning_states AS s
WHERE s.version = :version AND s.as_of <= :at
ORDER BY s.as_of DESC LIMIT 1;

-- name: select_weights_at
-- One row per agent of a version: its weight at `at`, in the order of names. Parameters: version, at.
SELECT w.agent, w.weight, w.p, w.calls, w.independent_calls, w.long_share
FROM scorekeeper.report_agent_weights AS w
WHERE
    w.version = :version
    AND w.as_of = (
        SELECT max(l.as_of) FROM scorekeeper.report_agent_weights AS l
        WHERE l.version = :version AND l.as_of <= :at
    )
ORDER BY w.agent;

-- name: select_evidence_until
-- One row per block of a version that had ended at `at`, in order; wealth of the last one alone. Parameters: version,
-- at.
SELECT
    e.begins_at, e.ends_at, e.decisions, e.independent, e.mean_excess, e.scale,
    CASE WHEN lead(e.begins_at) OVER (ORDER BY e.begins_at) IS NULL THEN e.wealth END AS wealth, e.e_value, e.running,
    e.adopted
FROM scorekeeper.report_weight_evidence AS e
WHERE e.version = :version AND e.ends_at <= :at
ORDER BY e.begins_at;

-- name: select_maps_at
-- One row per agent of a version that has a map: the newest at `at`, in the order of names. Parameters: version, at.
SELECT DISTINCT ON (c.agent)
    c.agent, c.as_of, c.calls, c.independent_calls, c.a, c.b, c.brier_raw, c.brier_rate, c.brier_map, c.gain_ci95_low,
    c.gain_ci95_high, c.helps
FROM scorekeeper.report_calibration_maps AS c
WHERE c.version = :version AND c.as_of <= :at
ORDER BY c.agent ASC, c.as_of DESC;

-- name: select_models_at
-- One row per target of a version: the newest meta-model at `at`. Parameters: version, at.
SELECT DISTINCT ON (m.target)
    m.target, m.as_of, m.trades, m.independent_trades, m.coefficients, m.metrics, m.informs, m.worth_it
FROM scorekeeper.report_meta_model AS m
WHERE m.version = :version AND m.as_of <= :at
ORDER BY m.target DESC, m.as_of DESC;

-- name: select_worth_trading
-- One row per outcome known at `at` on which the learned vote expected more than `cost_pct`, in order of opening: what
-- that vote earned after it, in percent. Parameters: version, at, cost_pct.
SELECT
    cast(extract(EPOCH FROM o.opened_at) AS float8) AS opened,
    cast(extract(EPOCH FROM o.expires_at) AS float8) AS expires,
    v.direction * o.return_pct - :cost_pct AS net_pct
FROM scorekeeper.report_learned_votes AS v
INNER JOIN scorekeeper.report_learned_outcomes AS o
    ON v.version = o.version AND v.opened_at = o.opened_at AND v.trade_id = o.trade_id
WHERE
    v.version = :version AND v.opened_at <= :at AND o.expires_at <= :at
    AND abs(2 * v.p_up - 1) * v.move_pct > :cost_pct
ORDER BY v.opened_at, v.trade_id;

-- name: count_worth_trading
-- One row: of the last `most` outcomes known at `at`, by expiry, how many there are, and on how many the learned vote
-- expected more than `cost_pct`. Parameters: version, at, cost_pct, most.
WITH latest AS (
    SELECT o.opened_at, o.trade_id
    FROM scorekeeper.report_learned_outcomes AS o
    WHERE o.version = :version AND o.expires_at <= :at
    ORDER BY o.expires_at DESC, o.trade_id DESC LIMIT :most
)
SELECT
    count(*) AS outcomes,
    count(*) FILTER (WHERE abs(2 * v.p_up - 1) * v.move_pct > :cost_pct) AS worth
FROM latest AS t
INNER JOIN scorekeeper.report_learned_votes AS v ON t.opened_at = v.opened_at AND t.trade_id = v.trade_id
WHERE v.version = :version;

-- name: select_weight_history
-- One row per agent among `agents` and moment of at most `most` moments, evenly spread over the hours in which
-- something was learned up to `at`, the last included. Parameters: version, at, agents, most.
WITH hours AS (
    SELECT s.as_of, row_number() OVER (ORDER BY s.as_of DESC) - 1 AS back, count(*) OVER () AS hours
    FROM scorekeeper.report_learning_states AS s
    WHERE s.version = :version AND s.as_of <= :at
)
SELECT w.as_of, w.agent, w.weight
FROM hours AS h
INNER JOIN scorekeeper.report_agent_weights AS w ON h.as_of = w.as_of
WHERE
    w.version = :version AND w.agent = any(:agents)
    AND h.back % greatest(1, cast(ceil(cast(h.hours AS float8) / :most) AS bigint)) = 0
ORDER BY w.as_of, w.agent;
