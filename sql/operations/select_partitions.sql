-- One row per month of candles: its partition, in order of time.
SELECT c.relname AS partition
FROM pg_inherits AS i
INNER JOIN pg_class AS c ON i.inhrelid = c.oid
WHERE i.inhparent = cast('scorekeeper.candle' AS regclass)
ORDER BY c.relname;
