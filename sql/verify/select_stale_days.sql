-- One row per UTC day whose rollup waits to be made again.
SELECT kind, day
FROM scorekeeper.stale_day;
