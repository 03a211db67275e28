-- One row per moment of a thinned series: what was known at the last as_of up to it, of a version (null: all, added
-- up). Parameters: version, since, until (half-open; null: no limit), as_of (null: now), most (moments).
WITH ends AS (
    SELECT
        (
            SELECT min(e.as_of) FROM scorekeeper.report_equity AS e
            WHERE cast(:since AS timestamptz) IS NULL OR e.as_of >= :since
        ) AS first,
        (
            SELECT max(e.as_of) FROM scorekeeper.report_equity AS e
            WHERE
                (cast(:until AS timestamptz) IS NULL OR e.as_of < :until)
                AND (cast(:as_of AS timestamptz) IS NULL OR e.as_of <= :as_of)
        ) AS last
),
moment AS (
    SELECT DISTINCT near.as_of
    FROM ends
    CROSS JOIN generate_series(0, cast(:most AS integer)) AS place (n)
    INNER JOIN LATERAL (
        SELECT e.as_of FROM scorekeeper.report_equity AS e
        WHERE
            e.as_of >= ends.first AND e.as_of <= ends.first + (ends.last - ends.first) * place.n / :most
            AND (cast(:version AS text) IS NULL OR e.version = :version)
        ORDER BY e.as_of DESC LIMIT 1
    ) AS near ON true
    WHERE ends.first <= ends.last
)
SELECT
    moment.as_of, sum(e.realised_pnl_pct) AS realised_pnl_pct, sum(e.unrealised_pnl_pct) AS unrealised_pnl_pct,
    cast(sum(e.open_trades) AS bigint) AS open_trades
FROM moment
INNER JOIN scorekeeper.report_equity AS e ON moment.as_of = e.as_of
WHERE cast(:version AS text) IS NULL OR e.version = :version
GROUP BY moment.as_of
ORDER BY moment.as_of;
