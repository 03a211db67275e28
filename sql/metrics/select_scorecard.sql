-- At most one row: what a version (null: all) comes to, as composed last; none where its days have changed since.
-- Parameter: version.
SELECT s.answer
FROM scorekeeper.scorecard AS s
WHERE s.version IS NOT DISTINCT FROM cast(:version AS text) AND NOT s.outdated;
