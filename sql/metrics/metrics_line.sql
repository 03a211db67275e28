-- name: select_last_metrics_event
-- One row: the number of the last line of metrics; 0 where there is none.
SELECT coalesce(max(e.event_id), 0) AS event_id
FROM scorekeeper.event AS e
WHERE e.kind = 'metrics';

-- name: select_versions_to_report
-- One row per version with an outcome newer than the event `after`, the last line of metrics. It is a value, because
-- the planner would estimate a subquery as a third of all events, and read both tables whole.
-- Parameters: as_of, after.
SELECT DISTINCT t.version
FROM scorekeeper.event AS e
INNER JOIN scorekeeper.trade AS t ON e.trade_id = t.trade_id
WHERE e.kind = 'outcome' AND t.exit_time <= :as_of AND e.event_id > :after
ORDER BY t.version;

-- name: sum_days
-- One row: the sums that the line of metrics of a version (null: all) shows, gross, over its days. Parameter: version.
SELECT
    coalesce(sum(trades), 0) AS trades, coalesce(sum(winners), 0) AS winners, coalesce(sum(losers), 0) AS losers,
    coalesce(sum(sum_pct), 0) AS sum_pct, coalesce(sum(sum_winners_pct), 0) AS sum_winners_pct,
    coalesce(sum(sum_losers_pct), 0) AS sum_losers_pct
FROM scorekeeper.daily_score
WHERE
    (version = cast(:version AS text) OR (cast(:version AS text) IS NULL AND version IS NULL))
    AND symbol IS NULL AND NOT after_fees;

-- name: insert_metrics_event
-- One row: a line of metrics to publish. Parameter: log_line.
INSERT INTO scorekeeper.event (kind, log_line)
VALUES ('metrics', :log_line);
