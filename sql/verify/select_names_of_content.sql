-- One row per name that a content came under. Parameter: sha256.
SELECT DISTINCT name
FROM scorekeeper.file_arrival
WHERE sha256 = :sha256;
