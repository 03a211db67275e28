-- One row per followed file that has come back into the inbox. Parameter: rows (JSON).
UPDATE scorekeeper.followed_file AS o
SET place = null
FROM json_to_recordset(cast(:rows AS json)) AS g (sha256 bytea)
WHERE o.sha256 = g.sha256;
