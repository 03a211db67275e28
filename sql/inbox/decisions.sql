-- name: select_standing_decisions
-- One row per decision of a batch whose id is stored already: its place in the batch, from 1, and where the stored one
-- was read, if that says something else. Parameter: rows (JSON, one for each decision).
SELECT
    g.place,
    CASE WHEN g.content_sha256 <> d.content_sha256 THEN d.source_name || ', line ' || d.source_line END AS standing
FROM
    json_to_recordset(cast(:rows AS json)) AS g (place integer, trade_id text, content_sha256 bytea)
INNER JOIN scorekeeper.decision AS d ON g.trade_id = d.trade_id;

-- name: insert_reading
-- At most one row: the rules by which decisions are read, unless they are stored. Parameters: reading_id, rules (JSON).
INSERT INTO scorekeeper.reading (reading_id, rules)
VALUES (:reading_id, cast(:rules AS jsonb))
ON CONFLICT (reading_id) DO NOTHING;

-- name: select_symbol_readings
-- One row per given spelling that the market's list has read before. Parameter: spelled (an array).
SELECT spelled, symbol
FROM scorekeeper.symbol_reading
WHERE spelled = any(cast(:spelled AS text[]));
