-- name: select_last_metrics_event
-- One row: the number of the last line of metrics; 0 where there is none.
SELECT coalesce(max(e.event_id), 0) AS event_id
FROM scorekeeper.event AS e
WHERE e.kind = 'metrics';

-- name: select_versions_to_report
-- One row per version with an outcome newer than the event `after`, the last line of metrics. It is a value, because
-- the planner would estimate a subquery as a third of all events. Each event looks up its own trade by the id alone:
-- LIMIT keeps the planner from a join, for which it would read all trades while they are some hundred times as many
-- as the events, and from an index of closed trades, of which it would read all for each event.
-- Parameters: as_of, after.
SELECT DISTINCT t.version
FROM scorekeeper.event AS e
CROSS JOIN
    LATERAL (
        SELECT one.version, one.exit_time
        FROM scorekeeper.trade AS one
        WHERE one.trade_id = e.trade_id
        ORDER BY one.trade_id
        LIMIT 1
    ) AS t
WHERE e.kind = 'outcome' AND e.event_id > :after AND t.exit_time <= :as_of
ORDER BY t.version;

-- name: sum_days
-- One row: the sums that the line of metrics of a version (null: all) shows, gross, over its days; and the stored sums
-- of its older days (null: none), which are left out unless `all_days`.
-- Parameters: version, all_days.
WITH kept AS (
    SELECT s.before_day, s.before
    FROM scorekeeper.scorecard AS s
    WHERE
        (s.version = cast(:version AS text) OR (cast(:version AS text) IS NULL AND s.version IS NULL))
        AND s.before_day IS NOT NULL AND NOT cast(:all_days AS boolean)
),
summed AS (
    SELECT
        coalesce(sum(d.trades), 0) AS trades, coalesce(sum(d.winners), 0) AS winners,
        coalesce(sum(d.losers), 0) AS losers, coalesce(sum(d.sum_pct), 0) AS sum_pct,
        coalesce(sum(d.sum_winners_pct), 0) AS sum_winners_pct, coalesce(sum(d.sum_losers_pct), 0) AS sum_losers_pct
    FROM scorekeeper.daily_score AS d
    WHERE
        (d.version = cast(:version AS text) OR (cast(:version AS text) IS NULL AND d.version IS NULL))
        AND d.symbol IS NULL AND NOT d.after_fees
        AND d.day >= coalesce((SELECT kept.before_day FROM kept), '-infinity')
)
SELECT summed.*, kept.before_day, kept.before
FROM summed
LEFT JOIN kept ON true;

-- name: insert_metrics_event
-- One row: a line of metrics to publish. Parameter: log_line.
INSERT INTO scorekeeper.event (kind, log_line)
VALUES ('metrics', :log_line);
