-- One row per refusal that is decided anew, of a file that has grown since it was moved: of its last line, whose end
-- had not been written (or of the file as a whole, which held nothing); and of its shorter content, if that lies
-- nowhere any more. Parameter: rows (JSON; torn: that line).
DELETE FROM scorekeeper.rejection AS r
USING json_to_recordset(cast(:rows AS json)) AS g (sha256 bytea, before bytea, torn bigint)
WHERE
    (r.sha256 = g.sha256 AND (r.line = 0 OR r.line = g.torn))
    OR (
        r.sha256 = g.before
        AND NOT EXISTS (
            SELECT 1 FROM scorekeeper.file_arrival AS a
            WHERE a.sha256 = g.before AND a.destination IS NOT NULL
        )
    );
