-- One row per analysis that is kept.
SELECT as_of, version, document
FROM scorekeeper.analysis
ORDER BY as_of, version;
