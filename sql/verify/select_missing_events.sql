-- One row per decision and thing about it that is known and was never noted to be published.
SELECT d.trade_id, x.missing
FROM scorekeeper.decision AS d
LEFT JOIN scorekeeper.trade AS t ON d.trade_id = t.trade_id
CROSS JOIN
    LATERAL (
        VALUES
        ('decision', 'decision', true),
        ('outcome', 'exit', t.exit_time IS NOT NULL),
        ('horizon', 'horizon return', d.horizon_known_at IS NOT NULL)
    ) AS x (kind, missing, known)
WHERE
    x.known
    AND NOT EXISTS (
        SELECT 1 FROM scorekeeper.event AS e
        WHERE
            e.trade_id = d.trade_id
            -- The line of a close has the horizon too, where that was known by then.
            AND (e.kind = x.kind OR (x.kind = 'horizon' AND e.kind = 'outcome' AND e.horizon_known))
    )
ORDER BY d.trade_id, x.kind;
