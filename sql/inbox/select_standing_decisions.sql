-- One row per decision of a batch whose id stands already: its place in the batch, from 1, and, if the one that stands
-- says something else, where that was read. Parameter: rows (JSON, one for each decision).
SELECT
    g.place,
    CASE WHEN g.content_sha256 <> d.content_sha256 THEN d.source_name || ', line ' || d.source_line END AS standing
FROM
    json_to_recordset(cast(:rows AS json)) AS g (place integer, trade_id text, content_sha256 bytea)
INNER JOIN scorekeeper.decision AS d ON g.trade_id = d.trade_id;
