-- One row per analysis that is kept. Called by reconcile.
SELECT as_of, version, document
FROM scorekeeper.analysis
ORDER BY as_of, version;
