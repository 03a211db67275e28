-- One row per version (null: all) with a score, unless track has been on since it was composed.
SELECT s.version, s.as_of, s.answer
FROM scorekeeper.scorecard AS s
LEFT JOIN scorekeeper.market AS m ON true
WHERE m.last_as_of IS NULL OR s.as_of >= m.last_as_of
ORDER BY s.version;
