-- One row per content and name of which something was refused, where its file was moved to, and how much is refused of
-- it now. Called by reconcile.
SELECT
    a.name, a.sha256, a.destination,
    (
        SELECT count(*) FROM scorekeeper.rejection AS r
        WHERE r.sha256 = a.sha256
    ) AS refused
FROM (
    SELECT DISTINCT ON (destination) name, sha256, destination
    FROM scorekeeper.file_arrival
    WHERE outcome = 'quarantined' AND moved_at IS NOT NULL AND destination IS NOT NULL
    ORDER BY destination
) AS a;
