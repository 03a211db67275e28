-- One row: whether there is a reader's role with rights to the views that the connected user may become, and is not.
SELECT
    coalesce(
        bool_or(
            pg_has_role(current_user, r.oid, 'MEMBER')
            AND has_table_privilege(r.oid, 'scorekeeper.report_status', 'SELECT')
        ),
        false
    ) AS may
FROM pg_roles AS r
WHERE r.rolname = 'scorekeeper_reader' AND r.rolname <> current_user;
