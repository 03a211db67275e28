-- One row per content and place in quarantine, how much of the content is refused now, whether its last arrival brought
-- it there (newest), and the hash of the report that was written then.
SELECT
    a.name, a.sha256, a.destination,
    (
        SELECT count(*) FROM scorekeeper.rejection AS r
        WHERE r.sha256 = a.sha256
    ) AS refused,
    NOT EXISTS (
        SELECT 1 FROM scorekeeper.file_arrival AS later
        WHERE later.sha256 = a.sha256 AND later.arrival_id > a.arrival_id AND later.outcome <> 'reading'
    ) AS newest,
    a.report_sha256
FROM (
    SELECT DISTINCT ON (destination) arrival_id, name, sha256, destination, report_sha256
    FROM scorekeeper.file_arrival
    WHERE outcome = 'quarantined' AND moved_at IS NOT NULL AND destination IS NOT NULL
    ORDER BY destination ASC, arrival_id DESC
) AS a;
