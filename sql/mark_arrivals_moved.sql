-- One row per arrival whose file has left the inbox. Parameters, an array each: name, sha256, moved_at, lies (whether
-- it lies where it was moved to: whoever wrote it may have removed or replaced it first). Called by ingest, quarantine,
-- writing.
UPDATE scorekeeper.file_arrival AS a
SET
    moved_at = g.moved_at,
    destination = CASE WHEN g.lies THEN a.destination END
FROM
    unnest(
        cast(:name AS text[]), cast(:sha256 AS bytea[]), cast(:moved_at AS timestamptz[]), cast(:lies AS boolean[])
    )
        AS g (name, sha256, moved_at, lies)
WHERE a.name = g.name AND a.sha256 = g.sha256 AND a.moved_at IS NULL AND a.outcome <> 'reading';
