-- One row per pair of agents, of the `most` with the most signals: how many decisions both made a call on, and on how
-- many they called the same, over the last `decisions` of a scope (null: all) that expired in [since, until).
-- Parameters: version, symbol, since, until, suspect, late (no, yes, only), as_of (null: now), most, decisions.
WITH recent AS (
    SELECT n.trade_id
    FROM scorekeeper.report_decisions AS n
    WHERE
        n.voided_at IS NULL
        AND (:suspect = 'yes' OR coalesce(n.price_suspect, false) = (:suspect = 'only'))
        AND (:late = 'yes' OR n.late = (:late = 'only'))
        AND (cast(:version AS text) IS NULL OR n.version = :version)
        AND (cast(:symbol AS text) IS NULL OR n.symbol = :symbol)
        AND (cast(:since AS timestamptz) IS NULL OR n.expires_at >= :since)
        AND (cast(:until AS timestamptz) IS NULL OR n.expires_at < :until)
        AND (cast(:as_of AS timestamptz) IS NULL OR n.opened_at < :as_of)
    ORDER BY n.expires_at DESC
    LIMIT :decisions
),
said AS (
    SELECT a.trade_id, a.agent, a.direction
    FROM recent
    INNER JOIN scorekeeper.report_agent_signals AS a ON recent.trade_id = a.trade_id
),
loudest AS (
    SELECT said.agent
    FROM said
    GROUP BY said.agent
    ORDER BY count(*) DESC, said.agent
    LIMIT :most
),
called AS (
    SELECT said.trade_id, said.agent, said.direction
    FROM said
    INNER JOIN loudest ON said.agent = loudest.agent
    WHERE said.direction <> 0
)
SELECT
    one.agent AS one, other.agent AS other, count(*) AS both_called,
    count(*) FILTER (WHERE one.direction = other.direction) AS same
FROM called AS one
INNER JOIN called AS other ON one.trade_id = other.trade_id AND one.agent < other.agent
GROUP BY one.agent, other.agent
ORDER BY one.agent, other.agent;
