-- At most one row: the arrival of a content that has grown; what was in it has been read, and its file goes on as a
-- longer one. Parameters: name, before, at. Called by ledger.
UPDATE scorekeeper.file_arrival
SET
    outcome = CASE outcome WHEN 'reading' THEN 'ingested' ELSE outcome END,
    destination = null,
    moved_at = :at
WHERE name = :name AND sha256 = :before AND moved_at IS NULL;
