-- One row per subject of which the condition holds, and nobody has been told. Parameter: name.
SELECT subject
FROM scorekeeper.alert
WHERE name = :name AND told_at IS NULL
ORDER BY subject;
