-- name: select_archived_files
-- One row per archived file whose decisions are all stored: name, content, where it was moved to, its size then, and
-- whether the last look at all moved files left it out, because it was moved too long before. Parameter: watched.
SELECT DISTINCT ON (a.destination)
    a.name, a.sha256, a.destination, f.size_bytes,
    coalesce(a.moved_at < (SELECT l.looked_at FROM scorekeeper.archive_look AS l) - :watched, false) AS unwatched
FROM scorekeeper.file_arrival AS a
INNER JOIN scorekeeper.decision_file AS f ON a.sha256 = f.sha256
WHERE a.outcome IN ('ingested', 'duplicate') AND a.moved_at IS NOT NULL AND a.destination IS NOT NULL
ORDER BY a.destination ASC, a.moved_at DESC;


-- name: select_names_of_content
-- One row per name under which a content arrived. Parameter: sha256.
SELECT DISTINCT name
FROM scorekeeper.file_arrival
WHERE sha256 = :sha256;


-- name: select_is_of_old
-- One row: whether an older release stored decisions of this content, by its own rules. Parameter: sha256.
SELECT
    exists(
        SELECT 1 FROM scorekeeper.decision AS d
        WHERE d.source_sha256 = :sha256 AND d.reading_id IS NULL
    ) AS of_old;


-- name: select_quarantined_files
-- One row per quarantined file: how many rejections its content has now, whether the content's last arrival
-- put it there (newest), and the hash of the error file that was written then.
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


-- name: select_modified_at
-- One row: the time of the file that was moved to an address, as it first came (null: none was). Parameter:
-- destination.
SELECT min(a.modified_at)
FROM scorekeeper.file_arrival AS a
WHERE a.destination = :destination;
