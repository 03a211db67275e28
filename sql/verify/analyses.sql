-- name: select_analyses
-- One row per stored analysis.
SELECT as_of, version, document
FROM scorekeeper.analysis
ORDER BY as_of, version;


-- name: select_analyses_to_verify
-- One row per version of the last analysis. No row if something from before its as_of became known, or was
-- deleted by its age, after it was made.
SELECT a.as_of, a.version, a.document
FROM scorekeeper.analysis AS a
WHERE
    a.as_of = (SELECT max(x.as_of) FROM scorekeeper.analysis AS x)
    -- It counted decisions that were deleted since.
    AND NOT EXISTS (
        SELECT 1 FROM scorekeeper.retention AS r
        WHERE r.pruned_as_of >= a.as_of
    )
    AND NOT EXISTS (
        SELECT 1
        FROM scorekeeper.event AS e
        INNER JOIN scorekeeper.decision AS d ON e.trade_id = d.trade_id
        LEFT JOIN scorekeeper.trade AS t ON e.trade_id = t.trade_id
        WHERE
            e.event_id > a.known_event_id AND e.kind IN ('outcome', 'horizon')
            AND ((e.horizon_known AND d.expires_at <= a.as_of) OR (e.kind = 'outcome' AND t.exit_time <= a.as_of))
    )
    -- An older release did not store known_event_id.
    AND (
        a.known_event_id IS NOT NULL
        OR NOT EXISTS (
            SELECT 1 FROM scorekeeper.decision AS d
            WHERE d.expires_at <= a.as_of AND d.horizon_known_at >= a.as_of
        )
        AND NOT EXISTS (
            SELECT 1 FROM scorekeeper.trade AS t
            WHERE t.exit_time <= a.as_of AND t.exit_known_at >= a.as_of
        )
    )
ORDER BY a.version;
