-- One row: the file of this arrival has left the inbox. Parameters: name, sha256, moved_at. Called by ingest.
UPDATE scorekeeper.file_arrival
SET moved_at = :moved_at
WHERE name = :name AND sha256 = :sha256 AND moved_at IS NULL AND outcome <> 'reading';
