-- One row per refusal of a content, in order. Parameter: sha256.
SELECT line, field, reason, excerpt
FROM scorekeeper.rejection
WHERE sha256 = :sha256
ORDER BY line
LIMIT 1000;
