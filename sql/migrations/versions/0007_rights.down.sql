DROP FUNCTION scorekeeper.drop_candle_partition(integer, integer);
CREATE OR REPLACE FUNCTION scorekeeper.ensure_candle_partition(year integer, month integer) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    name text := 'candle_' || lpad(year::text, 4, '0') || '_' || lpad(month::text, 2, '0');
    start timestamptz := make_timestamptz(year, month, 1, 0, 0, 0, 'UTC');
    finish timestamptz := (start AT TIME ZONE 'UTC' + interval '1 month') AT TIME ZONE 'UTC';
BEGIN
    IF to_regclass('scorekeeper.' || quote_ident(name)) IS NULL THEN
        EXECUTE 'CREATE TABLE IF NOT EXISTS scorekeeper.' || quote_ident(name) || ' PARTITION OF scorekeeper.candle '
            || 'FOR VALUES FROM (' || quote_literal(start) || ') TO (' || quote_literal(finish) || ')';
    END IF;
END
$$;
