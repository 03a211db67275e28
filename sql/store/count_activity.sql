-- One row per part that happened: its total grows. Parameters: name, parts (JSON: how often by part, none of them 0).
INSERT INTO scorekeeper.activity AS a (name, part, slot, total)
SELECT :name, g.part, pg_backend_pid() % 16, cast(g.times AS bigint)
FROM json_each_text(cast(:parts AS json)) AS g (part, times)
ORDER BY g.part
ON CONFLICT (name, part, slot) DO UPDATE SET total = a.total + excluded.total;
