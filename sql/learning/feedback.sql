-- name: feedback_outcomes
-- One row per decision of a version that metrics counts (not voided, its price judged and not suspect) and whose
-- horizon was known at a moment: the last ones. Statements on feedback share it. It reads what a reader may read.
-- Parameters: version, symbol (null: all), as_of, most.
SELECT n.trade_id, n.symbol, n.opened_at, n.expires_at, n.horizon_return_pct, n.late
FROM scorekeeper.report_decisions AS n
WHERE
    n.version = cast(:version AS text)
    AND (cast(:symbol AS text) IS NULL OR n.symbol = :symbol)
    AND n.voided_at IS NULL AND n.reference_price IS NOT NULL AND NOT n.price_suspect
    AND n.horizon_return_pct IS NOT NULL AND n.expires_at <= cast(:as_of AS timestamptz)
    -- What a track at that moment knew: it needs a price of a candle that was complete.
    AND (n.horizon_known_at <= :as_of OR n.met_at <= :as_of)
ORDER BY n.expires_at DESC, n.trade_id DESC
LIMIT :most;

-- name: select_feedback_scope
-- One row: the moment that feedback is of (the last track if that is earlier, null without either), and the version of
-- the decision that expired last before it, of those that count (null: there is none).
-- Parameters: as_of, agent (null: all of them), version (null: the last one).
WITH moment AS (
    SELECT
        least(cast(:as_of AS timestamptz), (
            SELECT m.last_as_of FROM scorekeeper.report_market AS m
        )) AS as_of
)
SELECT
    a.as_of,
    coalesce(cast(:version AS text), (
        SELECT n.version FROM scorekeeper.report_decisions AS n
        WHERE
            n.expires_at <= a.as_of
            AND n.voided_at IS NULL AND n.reference_price IS NOT NULL AND NOT n.price_suspect
            AND (
                cast(:agent AS text) IS NULL
                OR EXISTS (
                    SELECT 1 FROM scorekeeper.report_agent_signals AS s
                    WHERE s.trade_id = n.trade_id AND s.agent = :agent
                )
            )
        ORDER BY n.expires_at DESC, n.trade_id DESC
        LIMIT 1
    )) AS version
FROM moment AS a;

-- name: select_feedback_agents
-- One row per agent that said something to the decisions of a version (null: of any) which expired up to the day of a
-- moment. Parameters: version, as_of (null: ever).
SELECT DISTINCT s.agent
FROM scorekeeper.report_agent_daily_pieces AS s
WHERE
    s.version IS NOT DISTINCT FROM cast(:version AS text) AND s.symbol IS NULL
    AND (
        cast(:as_of AS timestamptz) IS NULL
        OR s.day <= cast(cast(:as_of AS timestamptz) AT TIME ZONE 'UTC' AS date)
    )
ORDER BY s.agent;

-- name: select_feedback_signals
-- One row per signal of an agent to a decision whose outcome was known, in order of opening; price moves in percent.
-- Parameters: those of feedback_outcomes; agent.
-- with known: learning/feedback_outcomes
SELECT
    k.trade_id, k.symbol, k.opened_at, k.expires_at, s.direction, s.confidence, k.horizon_return_pct AS move_pct, k.late
FROM known AS k
-- A look into the index for each decision: a join would read the signals of all times.
CROSS JOIN
    LATERAL (
        SELECT a.direction, a.confidence FROM scorekeeper.report_agent_signals AS a
        WHERE a.trade_id = k.trade_id AND a.agent = cast(:agent AS text)
        ORDER BY a.agent LIMIT 1
    ) AS s
ORDER BY k.opened_at, k.trade_id;

-- name: select_feedback_moves
-- One row per symbol of a version, and one for all (symbol null): outcomes that were known, and the mean size of the
-- move to the horizon in percent. Parameters: those of feedback_outcomes.
-- with known: learning/feedback_outcomes
SELECT k.symbol, count(*) AS outcomes, avg(abs(k.horizon_return_pct)) AS mean_size_pct
FROM known AS k
GROUP BY GROUPING SETS ((), (k.symbol));
