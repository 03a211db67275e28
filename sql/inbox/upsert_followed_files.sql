-- One row per file that is followed, which lies in the inbox. Parameter: rows (JSON).
INSERT INTO scorekeeper.followed_file (sha256, name, identity, fingerprint, place, returned_at)
SELECT g.sha256, g.name, g.identity, g.fingerprint, null, null
FROM json_to_recordset(cast(:rows AS json)) AS g (sha256 bytea, name text, identity text, fingerprint bytea)
ON CONFLICT (sha256) DO UPDATE SET
    identity = excluded.identity,
    fingerprint = excluded.fingerprint,
    place = null;
