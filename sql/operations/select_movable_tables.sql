-- One row per table, without partitions: its columns (except generated ones), its identity columns, and the tables that
-- it refers to.
SELECT
    c.relname AS name,
    (
        SELECT array_agg(a.attname::text ORDER BY a.attnum) FROM pg_catalog.pg_attribute AS a
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
    ) AS columns,
    (
        SELECT array_agg(a.attname::text) FROM pg_catalog.pg_attribute AS a
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND a.attidentity <> ''
    ) AS numbered,
    (
        SELECT array_agg(DISTINCT p.relname::text)
        FROM pg_catalog.pg_constraint AS k
        INNER JOIN pg_catalog.pg_class AS p ON k.confrelid = p.oid
        WHERE k.conrelid = c.oid AND k.contype = 'f' AND k.confrelid <> c.oid
    ) AS parents
FROM pg_catalog.pg_class AS c
INNER JOIN pg_catalog.pg_namespace AS n ON c.relnamespace = n.oid
WHERE n.nspname = 'scorekeeper' AND c.relkind IN ('r', 'p') AND NOT c.relispartition
ORDER BY c.relname;
