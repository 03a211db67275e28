-- At most one row: since when decisions are kept. Older ones are refused, since they may have been deleted.
SELECT decisions_from
FROM scorekeeper.retention;
