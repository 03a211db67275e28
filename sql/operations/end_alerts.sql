-- One row per subject of which the condition held, and does not now. Parameters: name, subjects (text array: of which
-- it holds).
DELETE FROM scorekeeper.alert
WHERE name = :name AND subject <> all(cast(:subjects AS text[]));
