-- One row per agent and tenth of stated confidence ([0, 10) to [90, 100]): its calls there, of one version (null: all),
-- that turned out right or wrong. Parameters: version.
SELECT
    a.agent,
    least(floor(a.confidence / 10), 9) AS tenth,
    count(*) AS n,
    count(*) FILTER (WHERE a.direction * d.horizon_return_pct > 0) AS correct,
    avg(a.confidence) AS mean_confidence
FROM scorekeeper.agent_signal AS a
INNER JOIN scorekeeper.decision AS d ON a.trade_id = d.trade_id
WHERE
    a.direction <> 0 AND a.confidence IS NOT NULL
    AND d.horizon_known_at IS NOT NULL AND d.horizon_return_pct <> 0
    AND d.voided_at IS NULL AND d.price_suspect IS NOT TRUE
    AND (cast(:version AS text) IS NULL OR d.version = :version)
GROUP BY a.agent, tenth
ORDER BY a.agent, tenth;
