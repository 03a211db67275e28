-- One row per arrival that is being read, or has been; counts add up over its batches. Parameter: rows (JSON), of
-- which no two say the same name and sha256.
INSERT INTO scorekeeper.file_arrival (
    name, sha256, modified_at, arrived_at, attempt, outcome, decisions, duplicates, rejected, destination
)
SELECT
    g.name, g.sha256, g.modified_at, g.arrived_at,
    1 + (
        SELECT count(*) FROM scorekeeper.file_arrival AS a
        WHERE a.sha256 = g.sha256 AND a.moved_at IS NOT NULL
    ),
    g.outcome, g.decisions, g.duplicates, g.rejected, g.destination
FROM
    json_to_recordset(cast(:rows AS json)) AS g (
        name text, sha256 bytea, modified_at timestamptz, arrived_at timestamptz, outcome text, decisions bigint,
        duplicates bigint, rejected bigint, destination text
    )
ON CONFLICT (name, sha256) WHERE moved_at IS NULL DO UPDATE SET
    outcome = excluded.outcome,
    decisions = file_arrival.decisions + excluded.decisions,
    duplicates = file_arrival.duplicates + excluded.duplicates,
    rejected = file_arrival.rejected + excluded.rejected,
    destination = excluded.destination;
