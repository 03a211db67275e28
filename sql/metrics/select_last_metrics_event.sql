-- One row: the number of the last line of metrics; 0: there is none.
SELECT coalesce(max(e.event_id), 0) AS event_id
FROM scorekeeper.event AS e
WHERE e.kind = 'metrics';
