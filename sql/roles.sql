-- One row of nothing a statement: three roles for a database, and what each may do. With psql, by a superuser (or by
-- the owner of the database with CREATEROLE), before the first migrate and after each; may be repeated. Printed by
-- scorekeeper roles.

-- Without a password nobody logs in as them over the network: \password scorekeeper_writer.
DO $$
DECLARE
    role_name text;
BEGIN
    FOREACH role_name IN ARRAY ARRAY['scorekeeper_owner', 'scorekeeper_writer', 'scorekeeper_reader'] LOOP
        IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = role_name) THEN
            EXECUTE pg_catalog.format('CREATE ROLE %I LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE', role_name);
        END IF;
    END LOOP;
    IF NOT pg_catalog.pg_has_role(current_user, 'scorekeeper_owner', 'SET') THEN
        EXECUTE pg_catalog.format('GRANT scorekeeper_owner TO %I', current_user);
    END IF;
    EXECUTE pg_catalog.format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
    EXECUTE pg_catalog.format('GRANT CONNECT, CREATE, TEMPORARY ON DATABASE %I TO scorekeeper_owner', current_database());
    EXECUTE pg_catalog.format('GRANT CONNECT, TEMPORARY ON DATABASE %I TO scorekeeper_writer', current_database());
    EXECUTE pg_catalog.format('GRANT CONNECT ON DATABASE %I TO scorekeeper_reader', current_database());
END
$$;

-- The owner migrates: everything is its own, also what another role made before.
CREATE SCHEMA IF NOT EXISTS scorekeeper;
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

-- The writer ingests, tracks, publishes and verifies; it neither changes the schema nor what is sealed or was known.
GRANT USAGE ON SCHEMA scorekeeper, public TO scorekeeper_writer;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA scorekeeper TO scorekeeper_writer;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA scorekeeper TO scorekeeper_writer;
ALTER DEFAULT PRIVILEGES FOR ROLE scorekeeper_owner IN SCHEMA scorekeeper
GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO scorekeeper_writer;
ALTER DEFAULT PRIVILEGES FOR ROLE scorekeeper_owner IN SCHEMA scorekeeper
GRANT EXECUTE ON FUNCTIONS TO scorekeeper_writer;

-- The reader sees the views named report_* and nothing else.
GRANT USAGE ON SCHEMA scorekeeper TO scorekeeper_reader;
DO $$
DECLARE
    thing record;
BEGIN
    IF to_regclass('public.scorekeeper_version') IS NULL THEN
        RAISE NOTICE 'no schema yet: migrate as scorekeeper_owner, then run this again';
        RETURN;
    END IF;
    GRANT SELECT ON public.scorekeeper_version TO scorekeeper_writer;
    FOR thing IN
        SELECT c.oid::regclass AS name, c.relkind, c.relname FROM pg_catalog.pg_class AS c
        WHERE c.relnamespace = 'scorekeeper'::regnamespace AND c.relkind IN ('p', 'r', 'v')
    LOOP
        IF thing.relkind = 'v' AND starts_with(thing.relname, 'report_') THEN
            EXECUTE pg_catalog.format('GRANT SELECT ON %s TO scorekeeper_reader', thing.name);
        ELSIF thing.relname LIKE 'candle\_____\___' OR thing.relname IN ('candle', 'candle_revision', 'equity') THEN
            EXECUTE pg_catalog.format('REVOKE UPDATE ON %s FROM scorekeeper_writer', thing.name);
        END IF;
    END LOOP;
END
$$;
