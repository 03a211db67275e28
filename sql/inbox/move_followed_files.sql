-- One row per followed file whose content lies in another file now, copied there by a rotation or a writer.
-- Parameter: rows (JSON).
UPDATE scorekeeper.followed_file AS o
SET identity = g.identity
FROM json_to_recordset(cast(:rows AS json)) AS g (sha256 bytea, identity text)
WHERE o.sha256 = g.sha256;
