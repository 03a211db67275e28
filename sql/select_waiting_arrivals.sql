-- One row per arrival that was read whole but whose file was not moved yet. Parameter: hashes (bytea array).
-- Called by ingest.
SELECT arrival_id, name, sha256, outcome, destination
FROM scorekeeper.file_arrival
WHERE moved_at IS NULL AND outcome <> 'reading' AND sha256 = any(cast(:hashes AS bytea[]));
