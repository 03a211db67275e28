-- One row: how many refusals of a content stand when it is read on, its line :torn once more. Parameters: sha256, torn.
SELECT count(*) AS refused
FROM scorekeeper.rejection
WHERE sha256 = :sha256 AND line <> 0 AND line <> :torn;
