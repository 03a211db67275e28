-- One row per arrival of a content that was read to its end under another name.
-- Parameters, an array each: name, sha256, at. Called by ingest.
UPDATE scorekeeper.file_arrival AS a
SET outcome = 'ingested', moved_at = g.at
FROM unnest(cast(:name AS text[]), cast(:sha256 AS bytea[]), cast(:at AS timestamptz[])) AS g (name, sha256, at)
WHERE a.name = g.name AND a.sha256 = g.sha256 AND a.outcome = 'reading' AND a.moved_at IS NULL;
