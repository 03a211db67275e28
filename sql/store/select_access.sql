-- One row: the connected user, whether there is a schema, whether the user may read its views (as the reader can) and
-- its rows (as the writer can).
SELECT
    current_user AS name,
    count(*) > 0 AS is_there,
    coalesce(
        bool_or(has_table_privilege(c.oid, 'SELECT')) FILTER (
            WHERE c.relkind = 'v' AND starts_with(c.relname, 'report_')
        ),
        false
    ) AS reads_views,
    coalesce(bool_or(has_table_privilege(c.oid, 'SELECT')) FILTER (WHERE c.relname = 'decision'), false) AS reads_rows
FROM pg_class AS c
INNER JOIN pg_namespace AS n ON c.relnamespace = n.oid
WHERE n.nspname = 'scorekeeper';
