-- At most one row: what the days of a version (null: all) before a day come to, added up. Parameter: version.
-- Called by scorecard.
SELECT s.before_day, s.before
FROM scorekeeper.scorecard AS s
WHERE s.version IS NOT DISTINCT FROM cast(:version AS text) AND s.before_day IS NOT NULL;
