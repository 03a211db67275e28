-- One row of nothing a statement: three roles for a database. To be run with psql, before the first migrate, by a
-- superuser (or the owner of the database with CREATEROLE); may be repeated. `scorekeeper roles` prints it with
-- grants.sql, which gives each role its rights in the schema and is run by each migrate. Postgres 15 or later.

-- A role without a password cannot log in over the network. To set one: \password scorekeeper_writer.
DO $$
DECLARE
    role_name text;
BEGIN
    FOREACH role_name IN ARRAY ARRAY['scorekeeper_owner', 'scorekeeper_writer', 'scorekeeper_reader'] LOOP
        IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = role_name) THEN
            EXECUTE pg_catalog.format(
                'CREATE ROLE %I LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE CONNECTION LIMIT %s',
                role_name, CASE role_name WHEN 'scorekeeper_reader' THEN 20 ELSE -1 END
            );
        END IF;
    END LOOP;
    -- Up to Postgres 15 every member could become the role. Since Postgres 16 that is a right of its own (SET).
    IF NOT pg_catalog.pg_has_role(
        current_user, 'scorekeeper_owner',
        CASE WHEN current_setting('server_version_num')::integer >= 160000 THEN 'SET' ELSE 'MEMBER' END
    ) THEN
        EXECUTE pg_catalog.format('GRANT scorekeeper_owner TO %I', current_user);
    END IF;
    EXECUTE pg_catalog.format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
    EXECUTE pg_catalog.format('GRANT CONNECT, CREATE, TEMPORARY ON DATABASE %I TO scorekeeper_owner', current_database());
    EXECUTE pg_catalog.format('GRANT CONNECT, TEMPORARY ON DATABASE %I TO scorekeeper_writer', current_database());
    EXECUTE pg_catalog.format('GRANT CONNECT ON DATABASE %I TO scorekeeper_reader', current_database());
    -- A dashboard that hangs does not block others for long. A role can change these for its own session.
    IF NOT EXISTS (
        SELECT FROM pg_catalog.pg_db_role_setting AS s
        INNER JOIN pg_catalog.pg_database AS d ON s.setdatabase = d.oid AND d.datname = current_database()
        WHERE s.setrole = 'scorekeeper_reader'::regrole
    ) THEN
        EXECUTE pg_catalog.format(
            'ALTER ROLE scorekeeper_reader IN DATABASE %I SET statement_timeout = %L', current_database(), '5min'
        );
        EXECUTE pg_catalog.format(
            'ALTER ROLE scorekeeper_reader IN DATABASE %I SET idle_in_transaction_session_timeout = %L',
            current_database(), '1min'
        );
    END IF;
END
$$;

-- The flows take turns by advisory locks, so a role that takes one can block them all. Large objects can fill the disk.
-- By default every role of a database may do both.
DO $$
DECLARE
    thing record;
BEGIN
    IF NOT (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user) THEN
        RAISE NOTICE 'only a superuser can keep scorekeeper_reader from advisory locks and large objects';
        RETURN;
    END IF;
    FOR thing IN
        SELECT p.oid::regprocedure AS name, p.proname ~ 'advisory' AS is_lock FROM pg_catalog.pg_proc AS p
        WHERE p.pronamespace = 'pg_catalog'::regnamespace
            AND (p.proname ~ '^pg_(try_)?advisory_' OR p.proname IN ('lo_creat', 'lo_create', 'lo_from_bytea'))
    LOOP
        EXECUTE pg_catalog.format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', thing.name);
        IF thing.is_lock THEN
            EXECUTE pg_catalog.format(
                'GRANT EXECUTE ON FUNCTION %s TO scorekeeper_owner, scorekeeper_writer', thing.name
            );
        END IF;
    END LOOP;
END
$$;

-- The owner migrates, so it owns everything, also what another role made before.
CREATE SCHEMA IF NOT EXISTS scorekeeper;
REVOKE CREATE ON SCHEMA public FROM public;
GRANT USAGE, CREATE ON SCHEMA public TO scorekeeper_owner;
ALTER SCHEMA scorekeeper OWNER TO scorekeeper_owner;
DO $$
DECLARE
    thing record;
BEGIN
    FOR thing IN
        SELECT c.oid::regclass AS name, CASE c.relkind WHEN 'v' THEN 'VIEW' ELSE 'TABLE' END AS kind
        FROM pg_catalog.pg_class AS c
        WHERE c.relkind IN ('r', 'p', 'v')
            AND (c.relnamespace = 'scorekeeper'::regnamespace OR c.oid = to_regclass('public.scorekeeper_version'))
    LOOP
        EXECUTE pg_catalog.format('ALTER %s %s OWNER TO scorekeeper_owner', thing.kind, thing.name);
    END LOOP;
    FOR thing IN
        SELECT p.oid::regprocedure AS name FROM pg_catalog.pg_proc AS p
        WHERE p.pronamespace = 'scorekeeper'::regnamespace
    LOOP
        EXECUTE pg_catalog.format('ALTER FUNCTION %s OWNER TO scorekeeper_owner', thing.name);
    END LOOP;
END
$$;

GRANT USAGE ON SCHEMA scorekeeper, public TO scorekeeper_writer;
DO $$
BEGIN
    IF to_regclass('public.scorekeeper_version') IS NULL THEN
        RAISE NOTICE 'no schema yet: migrate as scorekeeper_owner, which also gives the roles their rights';
    END IF;
END
$$;
