-- One row per file that has grown since it was moved: it is followed from where it was read to, as one that arrives.
-- Parameter: rows (JSON; modified_at: of the file; at: of the run).
WITH given AS (
    SELECT g.*
    FROM
        json_to_recordset(cast(:rows AS json)) AS g (
            sha256 bytea, name text, identity text, fingerprint bytea, place text, size_bytes bigint,
            committed_offset bigint, committed_lines bigint, modified_at timestamptz, at timestamptz
        )
),
content AS (
    INSERT INTO scorekeeper.decision_file (sha256, size_bytes, committed_offset, committed_lines)
    SELECT sha256, size_bytes, committed_offset, committed_lines FROM given
),
arrival AS (
    INSERT INTO scorekeeper.file_arrival (name, sha256, modified_at, arrived_at)
    SELECT name, sha256, modified_at, at FROM given
)
INSERT INTO scorekeeper.followed_file (sha256, name, identity, fingerprint, place, returned_at)
SELECT sha256, name, identity, fingerprint, place, at FROM given;
