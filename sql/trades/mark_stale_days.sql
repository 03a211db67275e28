-- One row per rollup day that what was settled in this transaction changes.
INSERT INTO scorekeeper.stale_day (kind, day)
SELECT 'system', cast(t.exit_time AT TIME ZONE 'UTC' AS date)
FROM settled_trade AS s INNER JOIN scorekeeper.trade AS t ON s.trade_id = t.trade_id
UNION
SELECT 'agent', cast(t.expires_at AT TIME ZONE 'UTC' AS date)
FROM settled_trade AS s INNER JOIN scorekeeper.trade AS t ON s.trade_id = t.trade_id
UNION
SELECT 'agent', cast(d.expires_at AT TIME ZONE 'UTC' AS date)
FROM settled_decision AS s INNER JOIN scorekeeper.decision AS d ON s.trade_id = d.trade_id
-- Not DO NOTHING: whoever takes the day off the list has to wait for what is changed here.
ON CONFLICT (kind, day) DO UPDATE SET day = excluded.day;
