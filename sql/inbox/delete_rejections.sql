-- One row per refusal of an earlier attempt at contents that are now read again. Parameter: rows (JSON).
DELETE FROM scorekeeper.rejection
WHERE sha256 IN (SELECT g.sha256 FROM json_to_recordset(cast(:rows AS json)) AS g (sha256 bytea));
