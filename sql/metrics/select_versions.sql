-- One row per version that has a score or has had a trade open, in order.
WITH RECURSIVE known AS (
    SELECT cast('' AS text) AS version
    UNION ALL
    SELECT
        least(
            (
                SELECT min(s.version) FROM scorekeeper.daily_score AS s
                WHERE s.version > k.version
            ),
            (
                SELECT min(a.version) FROM scorekeeper.agent_daily_score AS a
                WHERE a.version > k.version
            ),
            (
                SELECT min(e.version) FROM scorekeeper.equity AS e
                WHERE e.version > k.version
            )
        )
    FROM known AS k
    WHERE k.version IS NOT NULL
)
SELECT k.version
FROM known AS k
WHERE k.version <> ''
ORDER BY k.version;
