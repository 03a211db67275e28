-- One row: an arrival that is being read, or has been; counts add up over its batches. Parameters: name, sha256,
-- modified_at, arrived_at, outcome, decisions, duplicates, rejected, destination, moved_at. Called by ledger.
INSERT INTO scorekeeper.file_arrival (
    name, sha256, modified_at, arrived_at, attempt, outcome, decisions, duplicates, rejected, destination, moved_at
)
VALUES (
    :name, :sha256, :modified_at, :arrived_at,
    1 + (
        SELECT count(*) FROM scorekeeper.file_arrival AS a
        WHERE a.sha256 = :sha256 AND a.moved_at IS NOT NULL
    ),
    :outcome, :decisions, :duplicates, :rejected, :destination, :moved_at
)
ON CONFLICT (name, sha256) WHERE moved_at IS NULL DO UPDATE SET
    outcome = excluded.outcome,
    decisions = file_arrival.decisions + excluded.decisions,
    duplicates = file_arrival.duplicates + excluded.duplicates,
    rejected = file_arrival.rejected + excluded.rejected,
    destination = excluded.destination,
    moved_at = excluded.moved_at;
