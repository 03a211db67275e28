-- One row: how many decisions no longer wait for the market's list. Each decision, its trade and its request to close
-- get the symbol that its spelling means. A day that counted its trade under another symbol (one that a quote or an
-- import closed) is scored again.
-- Parameter: rows (a JSON array of raw_symbol, symbol).
WITH given AS (
    SELECT g.raw_symbol, g.symbol
    FROM jsonb_to_recordset(cast(:rows AS jsonb)) AS g (raw_symbol text, symbol text)
),
released AS (
    DELETE FROM scorekeeper.held_decision AS h
    USING scorekeeper.decision AS d, given
    WHERE h.trade_id = d.trade_id AND d.raw_symbol = given.raw_symbol
    RETURNING h.trade_id, given.symbol
),
changed AS (
    UPDATE scorekeeper.decision AS d
    SET symbol = released.symbol
    FROM released
    WHERE d.trade_id = released.trade_id AND d.symbol <> released.symbol
    RETURNING d.trade_id, d.expires_at
),
traded AS (
    UPDATE scorekeeper.trade AS t
    SET symbol = released.symbol
    FROM released
    WHERE t.trade_id = released.trade_id AND t.symbol <> released.symbol
    RETURNING t.trade_id, t.exit_time
),
asking AS (
    UPDATE scorekeeper.exit_request AS e
    SET symbol = released.symbol
    FROM released
    WHERE e.trade_id = released.trade_id AND e.symbol <> released.symbol
),
stale AS (
    INSERT INTO scorekeeper.stale_day (kind, day)
    SELECT 'system', cast(traded.exit_time AT TIME ZONE 'UTC' AS date)
    FROM traded
    WHERE traded.exit_time IS NOT NULL
    UNION
    SELECT 'agent', cast(changed.expires_at AT TIME ZONE 'UTC' AS date)
    FROM changed INNER JOIN traded ON changed.trade_id = traded.trade_id
    WHERE traded.exit_time IS NOT NULL
    ON CONFLICT (kind, day) DO UPDATE SET day = excluded.day
)
SELECT count(*) FROM released;
