-- name: select_mapped
-- At most one row: the UTC midnight up to which a version's maps are made, in microseconds; null: none are.
-- Parameter: version.
SELECT
    cast(extract(EPOCH FROM coalesce(
        p.mapped_until,
        (
            SELECT max(m.as_of) FROM scorekeeper.calibration_map AS m
            WHERE m.version = p.version
        )
    )) * 1000000 AS bigint) AS mapped_until
FROM scorekeeper.learning_progress AS p
WHERE p.version = :version;


-- name: select_maps
-- One row per map of a version, in order. Parameters: version, until (in microseconds).
SELECT
    cast(extract(EPOCH FROM m.as_of) * 1000000 AS bigint) AS as_of, m.agent, m.calls, m.independent_calls, m.a, m.b,
    m.rate, m.brier_raw, m.brier_rate, m.brier_map, m.gain_ci95_low, m.gain_ci95_high, m.helps, m.rate_gain_ci95_low,
    m.rate_gain_ci95_high
FROM scorekeeper.calibration_map AS m
WHERE m.version = :version AND extract(EPOCH FROM m.as_of) * 1000000 <= :until
ORDER BY m.as_of, m.agent;
