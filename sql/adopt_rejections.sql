-- One row per refusal of a content that has grown: it is of the longer content now, as its file will be; and of the
-- shorter one only where that lies elsewhere too. Parameters: name, before, sha256. Called by ledger.
WITH adopted AS (
    INSERT INTO scorekeeper.rejection (sha256, source_name, line, field, reason, excerpt, rejected_at)
    SELECT :sha256, :name, r.line, r.field, r.reason, r.excerpt, r.rejected_at
    FROM scorekeeper.rejection AS r
    WHERE r.sha256 = :before
)
DELETE FROM scorekeeper.rejection
WHERE
    sha256 = :before
    AND NOT EXISTS (
        SELECT 1 FROM scorekeeper.file_arrival AS a
        WHERE a.sha256 = :before AND (a.name <> :name OR a.moved_at IS NOT NULL)
    );
