-- One row per published file that is none of the given ones: its lines are others now, and it is set aside where it is
-- published to again. Parameter: paths (an array).
DELETE FROM scorekeeper.publication
WHERE path <> all(cast(:paths AS text[]));
