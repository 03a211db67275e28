-- One row of nothing a statement: what the writer and the reader may do with each table, view and function of the
-- schema. To be run by the schema's owner or a superuser; may be repeated. It changes nothing without the two roles, or
-- without a schema.

-- The writer may not change or delete rows that no flow ever changes or deletes. No role has rights on a partition of
-- candles: it is used through scorekeeper.candle. Every table that is not named here has rows that come and go.
DO $$
DECLARE
    thing record;
    rights text;
BEGIN
    IF (SELECT count(*) FROM pg_catalog.pg_roles WHERE rolname IN ('scorekeeper_writer', 'scorekeeper_reader')) < 2
        OR to_regclass('scorekeeper.candle') IS NULL
        OR NOT pg_catalog.pg_has_role(
            (SELECT nspowner FROM pg_catalog.pg_namespace WHERE nspname = 'scorekeeper'), 'MEMBER'
        )
    THEN
        RETURN;
    END IF;
    FOR thing IN
        SELECT c.oid::regclass AS name, c.relname, c.relkind, c.relispartition FROM pg_catalog.pg_class AS c
        WHERE c.relnamespace = 'scorekeeper'::regnamespace AND c.relkind IN ('p', 'r', 'v')
    LOOP
        EXECUTE pg_catalog.format('REVOKE ALL ON %s FROM scorekeeper_writer, scorekeeper_reader', thing.name);
        CONTINUE WHEN thing.relispartition;
        IF thing.relkind = 'v' THEN
            rights := 'SELECT';
            IF starts_with(thing.relname, 'report_') THEN
                EXECUTE pg_catalog.format('GRANT SELECT ON %s TO scorekeeper_reader', thing.name);
            END IF;
        ELSIF thing.relname IN ('candle', 'candle_revision', 'equity', 'agent_signal') THEN
            rights := 'SELECT, INSERT';
        ELSIF thing.relname IN ('market', 'decision', 'decision_file', 'trade', 'event') THEN
            rights := 'SELECT, INSERT, UPDATE';
        ELSE
            rights := 'SELECT, INSERT, UPDATE, DELETE';
        END IF;
        EXECUTE pg_catalog.format('GRANT %s ON %s TO scorekeeper_writer', rights, thing.name);
    END LOOP;
    GRANT USAGE ON SCHEMA scorekeeper TO scorekeeper_writer, scorekeeper_reader;
    REVOKE ALL ON ALL FUNCTIONS IN SCHEMA scorekeeper FROM public, scorekeeper_reader;
    GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA scorekeeper TO scorekeeper_writer;
    GRANT SELECT ON public.scorekeeper_version TO scorekeeper_writer;
    -- A table of a later migration has no rights until the end of that migration, which runs this file.
    IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'scorekeeper_owner')
        AND pg_catalog.pg_has_role('scorekeeper_owner', 'MEMBER')
    THEN
        ALTER DEFAULT PRIVILEGES FOR ROLE scorekeeper_owner IN SCHEMA scorekeeper
        REVOKE ALL ON TABLES FROM scorekeeper_writer;
        ALTER DEFAULT PRIVILEGES FOR ROLE scorekeeper_owner IN SCHEMA scorekeeper
        REVOKE ALL ON FUNCTIONS FROM scorekeeper_writer;
        ALTER DEFAULT PRIVILEGES FOR ROLE scorekeeper_owner REVOKE ALL ON FUNCTIONS FROM public;
    END IF;
END
$$;
