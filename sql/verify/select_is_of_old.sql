-- One row: whether an older release took in decisions of this content, by other rules. Parameter: sha256.
SELECT
    exists(
        SELECT 1 FROM scorekeeper.decision AS d
        WHERE d.source_sha256 = :sha256 AND d.reading_id IS NULL
    ) AS of_old;
