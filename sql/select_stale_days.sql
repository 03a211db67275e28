-- One row per UTC day whose rollup waits to be made again. Called by recheck.
SELECT kind, day
FROM scorekeeper.stale_day;
