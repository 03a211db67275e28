-- Partitions are made and dropped by functions of the owner, which leave nobody a right to a partition of its own: who
-- reads or writes candles does so by way of scorekeeper.candle, and has the rights on that one.
CREATE OR REPLACE FUNCTION scorekeeper.ensure_candle_partition(year integer, month integer) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    name text;
    start timestamptz;
    finish timestamptz;
    grantee text;
BEGIN
    IF year IS NULL OR month IS NULL OR year NOT BETWEEN 1900 AND 2999 OR month NOT BETWEEN 1 AND 12 THEN
        RAISE EXCEPTION 'no month of candles: % %', year, month USING ERRCODE = 'invalid_parameter_value';
    END IF;
    name := format('candle_%s_%s', lpad(year::text, 4, '0'), lpad(month::text, 2, '0'));
    IF to_regclass('scorekeeper.' || quote_ident(name)) IS NOT NULL THEN
        RETURN;
    END IF;
    -- One at a time. To attach a table waits for no reader, and lets none wait; to create it as a partition would do both.
    LOCK TABLE scorekeeper.candle IN SHARE UPDATE EXCLUSIVE MODE;
    IF to_regclass('scorekeeper.' || quote_ident(name)) IS NOT NULL THEN
        RETURN;
    END IF;
    start := make_timestamptz(year, month, 1, 0, 0, 0, 'UTC');
    finish := (start AT TIME ZONE 'UTC' + interval '1 month') AT TIME ZONE 'UTC';
    EXECUTE format(
        'CREATE TABLE scorekeeper.%I (LIKE scorekeeper.candle INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', name
    );
    EXECUTE format(
        'ALTER TABLE scorekeeper.candle ATTACH PARTITION scorekeeper.%I FOR VALUES FROM (%L) TO (%L)',
        name, start, finish
    );
    -- Whatever default privileges say.
    FOR grantee IN
        SELECT DISTINCT CASE g.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(g.grantee)) END
        FROM pg_class AS c CROSS JOIN LATERAL aclexplode(c.relacl) AS g
        WHERE c.oid = to_regclass('scorekeeper.' || quote_ident(name)) AND g.grantee <> c.relowner
    LOOP
        EXECUTE format('REVOKE ALL ON scorekeeper.%I FROM %s', name, grantee);
    END LOOP;
END
$$;

CREATE FUNCTION scorekeeper.drop_candle_partition(year integer, month integer) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '10s' AS $$
DECLARE
    name text;
    finish timestamptz;
    bound timestamptz;
BEGIN
    IF year IS NULL OR month IS NULL OR year NOT BETWEEN 1900 AND 2999 OR month NOT BETWEEN 1 AND 12 THEN
        RAISE EXCEPTION 'no month of candles: % %', year, month USING ERRCODE = 'invalid_parameter_value';
    END IF;
    name := format('candle_%s_%s', lpad(year::text, 4, '0'), lpad(month::text, 2, '0'));
    finish := (make_timestamp(year, month, 1, 0, 0, 0) + interval '1 month') AT TIME ZONE 'UTC';
    IF NOT EXISTS (
        SELECT FROM pg_inherits AS i
        WHERE i.inhparent = 'scorekeeper.candle'::regclass
            AND i.inhrelid = to_regclass('scorekeeper.' || quote_ident(name))
    ) THEN
        RETURN;
    END IF;
    -- As select_prune_bound has it, and the week before it.
    SELECT least(
        (
            SELECT min(d.opened_at)
            FROM scorekeeper.decision AS d
            INNER JOIN scorekeeper.candle_coverage AS c ON d.symbol = c.symbol
            WHERE d.horizon_known_at IS NULL AND d.opened_at >= c.sealed_from
        ),
        (
            SELECT min(t.opened_at)
            FROM scorekeeper.trade AS t
            INNER JOIN scorekeeper.candle_coverage AS c ON t.symbol = c.symbol
            WHERE t.exit_time IS NULL AND t.opened_at >= c.sealed_from
        ),
        (
            SELECT min(c.settled_until) FROM scorekeeper.candle_coverage AS c
            WHERE c.settled_until < c.sealed_until
        )
    ) - interval '7 days' INTO bound;
    IF finish > now() OR finish > bound THEN
        RAISE EXCEPTION 'the candles of %-% are still needed', year, lpad(month::text, 2, '0')
            USING ERRCODE = 'object_in_use';
    END IF;
    EXECUTE format('DROP TABLE scorekeeper.%I', name);
    DELETE FROM scorekeeper.candle_revision WHERE minute_at < finish;
    UPDATE scorekeeper.market SET candles_from = greatest(candles_from, finish);
END
$$;
COMMENT ON FUNCTION scorekeeper.drop_candle_partition(integer, integer) IS
'Gives up the candles of a UTC month, and late ones from before its end; refused while something waits for them.';
REVOKE ALL ON FUNCTION scorekeeper.ensure_candle_partition(integer, integer) FROM public;
REVOKE ALL ON FUNCTION scorekeeper.drop_candle_partition(integer, integer) FROM public;
