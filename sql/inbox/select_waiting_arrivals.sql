-- One row per arrival that was read whole but whose file was not moved yet. Parameter: rows (JSON).
SELECT arrival_id, name, sha256, outcome, destination
FROM scorekeeper.file_arrival
WHERE
    moved_at IS NULL AND outcome <> 'reading'
    AND sha256 IN (SELECT g.sha256 FROM json_to_recordset(cast(:rows AS json)) AS g (sha256 bytea));
