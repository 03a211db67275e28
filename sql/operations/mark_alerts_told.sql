-- One row per subject that has been told of. Parameters: name, subjects (text array), at.
UPDATE scorekeeper.alert
SET told_at = :at
WHERE name = :name AND subject = any(cast(:subjects AS text[])) AND told_at IS NULL;
