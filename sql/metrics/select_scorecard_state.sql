-- At most one row: whether the scorecard of a version (null: all) is to be composed anew, and what it knows of earlier
-- days, added up (null: nothing). Parameter: version.
SELECT s.outdated, s.before_day, s.before
FROM scorekeeper.scorecard AS s
WHERE s.version IS NOT DISTINCT FROM cast(:version AS text);
