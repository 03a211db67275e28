-- One row per arrival of a followed file that is whole now: it is of that content. Parameter: rows (JSON; content: the
-- hash of the whole).
UPDATE scorekeeper.file_arrival AS a
SET
    sha256 = g.content,
    followed_as = g.sha256,
    attempt = g.attempt
FROM (
    SELECT o.name, o.sha256, o.content, 1 + count(other.sha256) AS attempt
    FROM json_to_recordset(cast(:rows AS json)) AS o (name text, sha256 bytea, content bytea)
    LEFT JOIN scorekeeper.file_arrival AS other ON o.content = other.sha256 AND other.moved_at IS NOT NULL
    GROUP BY o.name, o.sha256, o.content
) AS g
WHERE a.name = g.name AND a.sha256 = g.sha256;
