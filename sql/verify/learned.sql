-- name: select_learning
-- One row per version that is learned: up to which moment its rows hold (null: none do, since all are to be made
-- again), and from when on they are to be made again (null: they are not). is_cut: decisions of it may be deleted.
SELECT
    p.version, p.block_hours,
    CASE
        WHEN s.from_at IS NULL OR s.from_at > p.learned_until THEN p.learned_until
        WHEN s.from_at > coalesce(p.blocks_from, 'infinity')
            THEN date_trunc('hour', s.from_at - interval '1 microsecond', 'UTC')
    END AS holds_until,
    CASE WHEN s.from_at <= p.learned_until THEN s.from_at END AS again_from,
    coalesce(
        (
            SELECT min(v.opened_at) FROM scorekeeper.learned_vote AS v
            WHERE v.version = p.version
        ) < (SELECT r.decisions_from FROM scorekeeper.retention AS r), false
    ) AS is_cut
FROM scorekeeper.learning_progress AS p
LEFT JOIN scorekeeper.stale_learning AS s ON p.version = s.version
ORDER BY p.version;


-- name: select_said
-- One row per decision of a version that counts, in order, with its signals in order of agents; times in microseconds.
-- Parameter: version.
SELECT
    d.trade_id, cast(extract(EPOCH FROM d.opened_at) * 1000000 AS bigint) AS opened,
    cast(extract(EPOCH FROM d.expires_at) * 1000000 AS bigint) AS expires, d.horizon_return_pct,
    array_agg(s.agent ORDER BY s.agent) AS agents, array_agg(s.direction ORDER BY s.agent) AS directions,
    array_agg(s.confidence ORDER BY s.agent) AS confidences
FROM scorekeeper.decision AS d
LEFT JOIN scorekeeper.agent_signal AS s ON d.trade_id = s.trade_id
WHERE
    d.version = :version
    AND d.voided_at IS NULL AND d.reference_price IS NOT NULL AND d.price_suspect IS FALSE AND NOT d.late
GROUP BY d.trade_id
ORDER BY d.opened_at, d.trade_id;


-- name: select_votes
-- One row per vote of a version, in order. Parameters: version, until.
SELECT
    v.trade_id, cast(extract(EPOCH FROM v.opened_at) * 1000000 AS bigint) AS opened, v.direction, v.equal_direction,
    v.score, v.equal_score, v.scale_pct, v.move_pct, v.p_up
FROM scorekeeper.learned_vote AS v
WHERE v.version = :version AND v.opened_at <= :until
ORDER BY v.opened_at, v.trade_id;


-- name: select_outcomes
-- One row per outcome of a version, in order. Parameters: version, until.
SELECT
    o.trade_id, cast(extract(EPOCH FROM o.expires_at) * 1000000 AS bigint) AS expires,
    cast(extract(EPOCH FROM o.opened_at) * 1000000 AS bigint) AS opened, o.return_pct, o.score, o.excess, o.uniqueness,
    o.independent_until
FROM scorekeeper.learned_outcome AS o
WHERE o.version = :version AND o.expires_at <= :until
ORDER BY o.expires_at, o.trade_id;


-- name: select_states
-- One row per hour of a version, in order. Parameters: version, until.
SELECT
    cast(extract(EPOCH FROM s.as_of) * 1000000 AS bigint) AS as_of, s.outcomes, s.independent, s.beta,
    array(
        SELECT row_to_json(a) FROM scorekeeper.agent_weight AS a
        WHERE a.version = s.version AND a.as_of = s.as_of
        ORDER BY a.agent
    ) AS agents
FROM scorekeeper.weight_state AS s
WHERE s.version = :version AND s.as_of <= :until
ORDER BY s.as_of;


-- name: select_blocks
-- One row per block of a version, in order. Parameters: version, until.
SELECT
    cast(extract(EPOCH FROM e.begins_at) * 1000000 AS bigint) AS begins,
    cast(extract(EPOCH FROM e.ends_at) * 1000000 AS bigint) AS ends, e.decisions, e.independent, e.mean_excess, e.scale,
    e.wealth, e.e_value, e.running, e.adopted
FROM scorekeeper.weight_evidence AS e
WHERE e.version = :version AND e.ends_at <= :until
ORDER BY e.begins_at;


-- name: select_fits
-- One row per fit of a version, in order. Parameters: version, until.
SELECT
    cast(extract(EPOCH FROM p.as_of) * 1000000 AS bigint) AS as_of, p.outcomes, p.beta
FROM scorekeeper.learned_probability AS p
WHERE p.version = :version AND p.as_of <= :until
ORDER BY p.as_of;
