-- One row per UTC day whose system rollup waits to be made again. Called by verify.
SELECT day
FROM scorekeeper.stale_day
WHERE kind = 'system';
