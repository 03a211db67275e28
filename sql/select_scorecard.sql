-- At most one row: what all versions come to, as it was composed last. Called by scorecard.
SELECT s.answer
FROM scorekeeper.scorecard AS s
WHERE s.version IS NULL;
