-- One row per version with an outcome newer than the last line of metrics. Parameter: as_of. Called by score.
SELECT DISTINCT t.version
FROM scorekeeper.event AS e
INNER JOIN scorekeeper.trade AS t ON e.trade_id = t.trade_id
WHERE
    e.kind = 'outcome' AND t.exit_time <= :as_of
    AND e.event_id > coalesce((
        SELECT max(m.event_id) FROM scorekeeper.event AS m
        WHERE m.kind = 'metrics'
    ), 0)
ORDER BY t.version;
