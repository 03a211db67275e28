-- name: insert_outcome_events
-- One row per trade closed in this transaction: its line to publish.
INSERT INTO scorekeeper.event (kind, trade_id, horizon_known, price_suspect)
SELECT 'outcome', t.trade_id, d.horizon_known_at IS NOT NULL, d.price_suspect
FROM settled_trade AS s
INNER JOIN scorekeeper.trade AS t ON s.trade_id = t.trade_id
INNER JOIN scorekeeper.decision AS d ON s.trade_id = d.trade_id
ORDER BY t.exit_time, t.trade_id
ON CONFLICT DO NOTHING;

-- name: insert_horizon_events
-- One row per decision whose horizon return became known in this transaction: its line to publish, unless the line of
-- its close has the return.
INSERT INTO scorekeeper.event (kind, trade_id, horizon_known, price_suspect)
SELECT 'horizon', d.trade_id, true, d.price_suspect
FROM settled_decision AS s
INNER JOIN scorekeeper.decision AS d ON s.trade_id = d.trade_id
-- Looked up for each, whatever the planner expects. Before its statistics know of the closes of this transaction, it
-- takes them for none, and would compare each decision with each other one's event.
WHERE
    NOT coalesce(
        (
            SELECT x.horizon_known FROM scorekeeper.event AS x
            WHERE x.trade_id = d.trade_id AND x.kind = 'outcome'
        ),
        false
    )
ORDER BY d.expires_at, d.trade_id
ON CONFLICT DO NOTHING;

-- name: mark_stale_learning
-- One row per version of which a horizon return became known in this transaction that lies at a moment that is learned
-- already, or is being learned.
INSERT INTO scorekeeper.stale_learning (version, from_at)
SELECT d.version, min(d.expires_at)
FROM settled_decision AS s
INNER JOIN scorekeeper.decision AS d ON s.trade_id = d.trade_id
WHERE
    d.__counts__
    AND d.expires_at <= coalesce(
        (
            SELECT p.learning_until FROM scorekeeper.learning_progress AS p
            WHERE p.version = d.version
        ),
        (SELECT max(p.learning_until) FROM scorekeeper.learning_progress AS p)
    )
GROUP BY d.version
ON CONFLICT (version) DO UPDATE SET from_at = least(stale_learning.from_at, excluded.from_at);

-- name: mark_stale_days
-- One row per day whose rollups change by what this transaction settled.
INSERT INTO scorekeeper.stale_day (kind, day)
SELECT 'system', cast(t.exit_time AT TIME ZONE 'UTC' AS date)
FROM settled_trade AS s INNER JOIN scorekeeper.trade AS t ON s.trade_id = t.trade_id
UNION
SELECT 'agent', cast(t.expires_at AT TIME ZONE 'UTC' AS date)
FROM settled_trade AS s INNER JOIN scorekeeper.trade AS t ON s.trade_id = t.trade_id
UNION
SELECT 'agent', cast(d.expires_at AT TIME ZONE 'UTC' AS date)
FROM settled_decision AS s INNER JOIN scorekeeper.decision AS d ON s.trade_id = d.trade_id
-- Not DO NOTHING: a transaction that takes the day off the list must wait for the changes of this one.
ON CONFLICT (kind, day) DO UPDATE SET day = excluded.day;
