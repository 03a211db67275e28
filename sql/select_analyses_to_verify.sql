-- One row per version of the last analysis; none if something that lies before it became known after it.
-- Called by reconcile.
SELECT a.as_of, a.version, a.document
FROM scorekeeper.analysis AS a
WHERE
    a.as_of = (SELECT max(x.as_of) FROM scorekeeper.analysis AS x)
    AND NOT EXISTS (
        SELECT 1 FROM scorekeeper.decision AS d
        WHERE d.expires_at <= a.as_of AND d.horizon_known_at > a.as_of
    )
    AND NOT EXISTS (
        SELECT 1 FROM scorekeeper.trade AS t
        WHERE t.exit_time <= a.as_of AND t.exit_known_at > a.as_of
    )
ORDER BY a.version;
