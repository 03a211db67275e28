-- One row: the highest event_id of what has been settled (0: nothing). One settlement at a time writes them, so that
-- what becomes known later has a higher one.
SELECT coalesce(max(e.event_id), 0)
FROM scorekeeper.event AS e
WHERE e.kind IN ('outcome', 'horizon');
