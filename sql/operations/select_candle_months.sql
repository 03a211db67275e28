-- One row per candle partition: its year and month, by its name.
SELECT
    cast(split_part(c.relname, '_', 2) AS integer) AS year,
    cast(split_part(c.relname, '_', 3) AS integer) AS month
FROM pg_catalog.pg_inherits AS i
INNER JOIN pg_catalog.pg_class AS c ON i.inhrelid = c.oid
WHERE i.inhparent = to_regclass('scorekeeper.candle')
ORDER BY c.relname;
