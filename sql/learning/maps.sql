-- name: select_mapped
-- At most one row: the UTC midnight up to which a version's maps are made; before its first, that before its first
-- decision. Parameter: version.
SELECT
    coalesce(
        p.mapped_until,
        (
            SELECT max(t.as_of) FROM scorekeeper.calibration_tally AS t
            WHERE t.version = p.version
        ),
        (
            SELECT date_trunc('day', min(v.opened_at), 'UTC') FROM scorekeeper.learned_vote AS v
            WHERE v.version = p.version
        )
    ) AS mapped_until
FROM scorekeeper.learning_progress AS p
WHERE p.version = :version;


-- name: copy_window_outcomes
-- One row per outcome of the window that is stored, in order: its decision, its horizon return, and the sum of
-- uniqueness up to it.
COPY (
    SELECT w.decision_no, o.return_pct, o.independent_until
    FROM scorekeeper.learned_outcome AS o
    INNER JOIN learning_window AS w
        ON o.version = w.version AND o.expires_at = w.expires_at AND o.trade_id = w.trade_id
    ORDER BY o.expires_at, o.trade_id
) TO STDOUT WITH BINARY;


-- name: select_maps
-- One row per UTC day and agent of those given, in order; as_of in microseconds since 1970.
-- Parameters: version, agents (text array).
SELECT
    m.agent, cast(extract(EPOCH FROM m.as_of) * 1000000 AS bigint) AS as_of, m.calls, t.scored, m.independent_calls,
    m.a, m.b, m.rate, t.scored_independent, t.sum_raw, t.sum_rate, t.sum_map
FROM scorekeeper.calibration_map AS m
INNER JOIN scorekeeper.calibration_tally AS t
    ON m.version = t.version AND m.as_of = t.as_of AND m.agent = t.agent
WHERE m.version = :version AND m.agent = any(cast(:agents AS text[]))
ORDER BY m.agent, m.as_of;


-- name: select_tallies
-- One row per agent of those given: its last tally. Parameters: version, agents (text array).
SELECT DISTINCT ON (t.agent) t.agent, t.independent, t.percents, t.weights_right, t.weights_wrong
FROM scorekeeper.calibration_tally AS t
WHERE t.version = :version AND t.agent = any(cast(:agents AS text[]))
ORDER BY t.agent ASC, t.as_of DESC;


-- name: insert_maps
-- One row per UTC day and agent. Parameters: version, rows (a JSON array; as_of in microseconds since 1970).
WITH new AS (
    SELECT r.*
    FROM
        json_to_recordset(:rows)
            AS r (
                agent text, as_of bigint, calls bigint, scored bigint, independent_calls double precision,
                a double precision, b double precision, rate double precision, scored_independent double precision,
                sum_raw double precision, sum_rate double precision, sum_map double precision,
                gain_low double precision, gain_high double precision, rate_gain_low double precision,
                rate_gain_high double precision, helps boolean, independent double precision, percents smallint[],
                weights_right double precision[], weights_wrong double precision[]
            )
),
tallies AS (
    INSERT INTO scorekeeper.calibration_tally (
        version, as_of, agent, independent, scored, scored_independent, sum_raw, sum_rate, sum_map, percents,
        weights_right, weights_wrong
    )
    SELECT
        :version, to_timestamp(0) + n.as_of * interval '1 microsecond', n.agent, n.independent, n.scored,
        n.scored_independent, n.sum_raw, n.sum_rate, n.sum_map, n.percents, n.weights_right, n.weights_wrong
    FROM new AS n
)
INSERT INTO scorekeeper.calibration_map (
    version, as_of, agent, calls, independent_calls, a, b, rate, brier_raw, brier_rate, brier_map,
    gain_ci95_low, gain_ci95_high, rate_gain_ci95_low, rate_gain_ci95_high, helps
)
SELECT
    :version, to_timestamp(0) + n.as_of * interval '1 microsecond', n.agent, n.calls, n.independent_calls, n.a, n.b,
    n.rate, n.sum_raw / nullif(n.scored, 0), n.sum_rate / nullif(n.scored, 0), n.sum_map / nullif(n.scored, 0),
    n.gain_low, n.gain_high, n.rate_gain_low, n.rate_gain_high, n.helps
FROM new AS n;


-- name: advance_mapped
-- One row: a version's maps are made up to a UTC midnight. Parameters: version, until.
UPDATE scorekeeper.learning_progress
SET mapped_until = :until
WHERE version = :version;
