-- name: select_standing_decisions
-- One row per decision of a batch and stored decision that has its id, or has its content under a longer made id: the
-- place in the batch, and of the stored one its id, its content's hash, and where it was read. The index
-- decision_longer serves the second half; hardly any decision is in it. Parameter: rows (JSON, one for each decision).
WITH given AS MATERIALIZED (
    SELECT g.place, g.trade_id, g.content_sha256
    FROM json_to_recordset(cast(:rows AS json)) AS g (place integer, trade_id text, content_sha256 bytea)
)
SELECT g.place, d.trade_id, d.content_sha256, d.source_name || ', line ' || d.source_line AS place_read
FROM given AS g
INNER JOIN scorekeeper.decision AS d ON g.trade_id = d.trade_id
UNION ALL
SELECT g.place, d.trade_id, d.content_sha256, d.source_name || ', line ' || d.source_line AS place_read
FROM given AS g
INNER JOIN scorekeeper.decision AS d ON g.content_sha256 = d.content_sha256
WHERE position(substr(encode(d.content_sha256, 'hex'), 1, 16) IN d.trade_id) > 0;

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
