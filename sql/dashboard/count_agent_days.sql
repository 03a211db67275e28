-- One row per UTC day of expiry of an agent, of decisions that expired in [since, until) (null: no limit), from the
-- rows, in order: what select_agent_days has, of any selection. Parameters: agent, version, symbol (null: all), since,
-- until, suspect, late (no, yes, only), as_of (null: now; else what a track at that minute knew, see count_agents).
SELECT
    cast(n.expires_at AT TIME ZONE 'UTC' AS date) AS day,
    count(*) AS signals,
    count(*) FILTER (WHERE a.direction <> 0) AS calls,
    count(*) FILTER (WHERE a.direction * n.horizon_return_pct > 0) AS correct,
    count(*) FILTER (WHERE a.direction * n.horizon_return_pct < 0) AS incorrect,
    cast(coalesce(
        sum(a.direction * cast(cast(n.horizon_return_pct AS text) AS numeric)) FILTER (WHERE a.direction <> 0), 0
    ) AS float8) AS total_call_return_pct
FROM scorekeeper.report_decisions AS n
INNER JOIN scorekeeper.report_agent_signals AS a ON n.trade_id = a.trade_id
WHERE
    a.agent = :agent
    AND n.voided_at IS NULL AND n.horizon_known_at IS NOT NULL
    AND (:suspect = 'yes' OR coalesce(n.price_suspect, false) = (:suspect = 'only'))
    AND (:late = 'yes' OR n.late = (:late = 'only'))
    AND (cast(:version AS text) IS NULL OR n.version = :version)
    AND (cast(:symbol AS text) IS NULL OR n.symbol = :symbol)
    AND (cast(:since AS timestamptz) IS NULL OR n.expires_at >= :since)
    AND (cast(:until AS timestamptz) IS NULL OR n.expires_at < :until)
    AND (
        cast(:as_of AS timestamptz) IS NULL
        OR (
            n.opened_at < :as_of AND n.expires_at <= :as_of
            AND (n.horizon_known_at <= :as_of OR n.met_at <= :as_of)
        )
    )
GROUP BY 1
ORDER BY 1;
