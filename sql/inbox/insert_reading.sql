-- At most one row: the rules that decisions are read by, unless they are known. Parameters: reading_id, rules (JSON).
INSERT INTO scorekeeper.reading (reading_id, rules)
VALUES (:reading_id, cast(:rules AS jsonb))
ON CONFLICT (reading_id) DO NOTHING;
