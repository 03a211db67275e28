-- One row per version with an outcome newer than the event `after`, the last line of metrics. A value, not a subquery:
-- of that the planner would expect a third of all events, and read both tables whole.
-- Parameters: as_of, after.
SELECT DISTINCT t.version
FROM scorekeeper.event AS e
INNER JOIN scorekeeper.trade AS t ON e.trade_id = t.trade_id
WHERE e.kind = 'outcome' AND t.exit_time <= :as_of AND e.event_id > :after
ORDER BY t.version;
