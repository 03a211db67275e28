-- One row per followed file that is whole now: its content has a hash of its own. Parameter: rows (JSON).
WITH given AS (
    SELECT g.sha256 FROM json_to_recordset(cast(:rows AS json)) AS g (sha256 bytea)
),
gone AS (
    DELETE FROM scorekeeper.followed_file AS o
    USING given AS g
    WHERE o.sha256 = g.sha256
)
DELETE FROM scorekeeper.decision_file AS f
USING given AS g
WHERE f.sha256 = g.sha256;
