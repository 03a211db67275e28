-- One row per arrival of a file that has grown since it was moved: that goes on as a longer one. Parameter: rows (JSON;
-- place: where it was moved to).
UPDATE scorekeeper.file_arrival AS a
SET destination = null
FROM json_to_recordset(cast(:rows AS json)) AS g (before bytea, place text)
WHERE a.sha256 = g.before AND a.destination = g.place;
