-- One row per UTC day whose rollup is to be made again; taken off the list.
DELETE FROM scorekeeper.stale_day
RETURNING kind, day;
