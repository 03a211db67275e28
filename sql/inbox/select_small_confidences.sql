-- One row per agent (agent '': the decisions' own) whose stated confidences are above 0 somewhere and above 1 nowhere,
-- among the latest decisions. Parameters: decisions (how many are looked at), fewest (stated confidences it takes).
WITH latest AS MATERIALIZED (
    SELECT d.trade_id, d.confidence
    FROM scorekeeper.decision AS d
    ORDER BY d.expires_at DESC
    LIMIT :decisions
)
SELECT '' AS agent
FROM latest AS l
HAVING count(l.confidence) >= :fewest AND max(l.confidence) > 0 AND max(l.confidence) <= 1
UNION ALL
SELECT s.agent
FROM latest AS l
INNER JOIN scorekeeper.agent_signal AS s ON l.trade_id = s.trade_id
GROUP BY s.agent
HAVING count(s.confidence) >= :fewest AND max(s.confidence) > 0 AND max(s.confidence) <= 1
ORDER BY agent;
