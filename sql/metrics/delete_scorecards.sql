-- One row per version that has no score any more, since its last decision was voided. Parameter: versions.
DELETE FROM scorekeeper.scorecard
WHERE NOT version = any(cast(:versions AS text[]));
