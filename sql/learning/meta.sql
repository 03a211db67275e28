-- name: select_meta_work
-- One row: the last midnight with rows of a version's meta-model (null: none), and whether a later one, at or before
-- `until`, has something new: a trade that became known, or one that may be fitted on. Parameters: version, until.
WITH last_row AS (
    SELECT max(m.as_of) AS as_of FROM scorekeeper.meta_model AS m
    WHERE m.version = :version
)
SELECT
    l.as_of,
    EXISTS (
        SELECT 1 FROM scorekeeper.learned_outcome AS o
        INNER JOIN scorekeeper.trade AS t ON o.trade_id = t.trade_id
        WHERE
            o.version = :version AND o.expires_at > coalesce(l.as_of, '-infinity') AND o.expires_at <= :until
            AND t.exit_time IS NOT NULL
    )
    OR EXISTS (
        SELECT 1 FROM scorekeeper.meta_trade AS k
        WHERE k.version = :version AND k.released_at > l.as_of AND k.released_at <= :until
    ) AS is_new
FROM last_row AS l;


-- name: count_meta_days
-- One row per UTC day (its end) with trades of a version that became known after `after` and up to `until`, in order.
-- Parameters: version, after, until.
SELECT
    date_trunc('day', o.expires_at - interval '1 microsecond', 'UTC') + interval '1 day' AS day_ends_at,
    count(*) AS trades
FROM scorekeeper.learned_outcome AS o
INNER JOIN scorekeeper.trade AS t ON o.trade_id = t.trade_id
WHERE
    o.version = :version AND o.expires_at > cast(:after AS timestamptz) AND o.expires_at <= :until
    AND t.exit_time IS NOT NULL
GROUP BY day_ends_at
ORDER BY day_ends_at;


-- name: delete_meta_trades
-- One row per stored trade of a version that expires after `after`: deleted. Parameters: version, after.
DELETE FROM scorekeeper.meta_trade
WHERE version = :version AND expires_at > cast(:after AS timestamptz);


-- name: create_meta_window
-- One row per closed trade of a version that is an outcome and expires after `after` and up to `until`, numbered from 0
-- in order of expires_at and trade_id. The table lives until the transaction ends. Parameters: version, after, until.
CREATE TEMPORARY TABLE meta_window ON COMMIT DROP AS
SELECT
    o.version, o.expires_at, o.trade_id, o.opened_at, o.score, o.uniqueness, t.direction, t.symbol, d.confidence,
    t.net_pnl_pct AS net_pct,
    t.direction * o.return_pct - t.fee_bps / 100 * (2 + o.return_pct / 100) AS horizon_net_pct,
    cast(row_number() OVER (ORDER BY o.expires_at, o.trade_id) - 1 AS integer) AS trade_no
FROM scorekeeper.learned_outcome AS o
INNER JOIN scorekeeper.trade AS t ON o.trade_id = t.trade_id
INNER JOIN scorekeeper.decision AS d ON o.trade_id = d.trade_id
WHERE
    o.version = :version AND o.expires_at > cast(:after AS timestamptz) AND o.expires_at <= :until
    AND t.exit_time IS NOT NULL;


-- name: create_meta_agents
-- One row per agent with a signal on such a trade, numbered from 0 in order of the first: at most :most of them.
-- Parameter: most.
CREATE TEMPORARY TABLE meta_agent ON COMMIT DROP AS
SELECT k.agent, cast(row_number() OVER (ORDER BY k.first_no, k.agent) - 1 AS integer) AS agent_no
FROM (
    SELECT s.agent, min(w.trade_no) AS first_no
    FROM meta_window AS w
    INNER JOIN scorekeeper.agent_signal AS s ON w.trade_id = s.trade_id
    GROUP BY s.agent
    ORDER BY first_no, s.agent
    LIMIT :most
) AS k;


-- name: create_meta_symbols
-- One row per symbol of such trades, numbered from 0 in order of its trade number :often; later ones, and those with
-- fewer trades, have no number. first_at: when the version's first decision on it that counts was made: candles count
-- from then on. Parameters: version, often, most.
CREATE TEMPORARY TABLE meta_symbol ON COMMIT DROP AS
WITH counted AS (
    SELECT w.symbol, w.trade_no, row_number() OVER (PARTITION BY w.symbol ORDER BY w.trade_no) AS place
    FROM meta_window AS w
),
reached AS (
    SELECT c.symbol, cast(row_number() OVER (ORDER BY c.trade_no) - 1 AS integer) AS symbol_no
    FROM counted AS c
    WHERE c.place = :often
),
begun AS (
    SELECT d.symbol, min(d.opened_at) AS first_at
    FROM scorekeeper.decision AS d
    WHERE
        d.version = :version
        AND d.__counts__
    GROUP BY d.symbol
)
SELECT
    b.symbol, b.first_at,
    CASE WHEN r.symbol_no < :most THEN r.symbol_no END AS symbol_no,
    cast(row_number() OVER (ORDER BY b.symbol) - 1 AS integer) AS place
FROM begun AS b
LEFT JOIN reached AS r ON b.symbol = r.symbol
WHERE b.symbol IN (SELECT w.symbol FROM meta_window AS w);


-- name: select_meta_agents
-- One row per agent, in order of agent_no.
SELECT a.agent
FROM meta_agent AS a
ORDER BY a.agent_no;


-- name: select_meta_symbols
-- One row per symbol with a number, in order.
SELECT s.symbol
FROM meta_symbol AS s
WHERE s.symbol_no IS NOT NULL
ORDER BY s.symbol_no;


-- name: select_meta_places
-- One row per symbol, in order of place: since when its candles count, and how long one lasts.
SELECT s.symbol, s.first_at, m.candle_seconds
FROM meta_symbol AS s
CROSS JOIN scorekeeper.market AS m
ORDER BY s.place;


-- name: copy_meta_window
-- One row per trade, in no order. symbol_no -1: none; NaN: unknown, or not stored yet.
COPY (
    SELECT
        w.trade_no, w.opened_at, w.expires_at, cast(w.direction AS integer), s.place, coalesce(s.symbol_no, -1),
        coalesce(w.confidence, 'NaN'), w.score, w.uniqueness, w.net_pct, w.horizon_net_pct,
        coalesce(k.hour_size, 'NaN'), coalesce(k.day_size, 'NaN'), coalesce(k.hour_return, 'NaN')
    FROM meta_window AS w
    INNER JOIN meta_symbol AS s ON w.symbol = s.symbol
    LEFT JOIN scorekeeper.meta_trade AS k
        ON w.version = k.version AND w.expires_at = k.expires_at AND w.trade_id = k.trade_id
) TO STDOUT WITH BINARY;


-- name: copy_meta_signals
-- One row per call on such a trade, in no order; agent_no -1: none; confidence NaN: none.
COPY (
    SELECT w.trade_no, coalesce(a.agent_no, -1), cast(s.direction AS integer), coalesce(s.confidence, 'NaN')
    FROM meta_window AS w
    INNER JOIN scorekeeper.agent_signal AS s ON w.trade_id = s.trade_id
    LEFT JOIN meta_agent AS a ON s.agent = a.agent
    WHERE s.direction <> 0
) TO STDOUT WITH BINARY;


-- name: create_meta_candles
-- One row per candle of the last day before trades of meta_window that expire after `after`, by the place of its
-- symbol. The table lives until the transaction ends. Parameter: after.
CREATE TEMPORARY TABLE meta_candle ON COMMIT DROP AS
SELECT s.place, c.minute_at, c.close
FROM (
    SELECT w.symbol, min(w.opened_at) - interval '1 day 1 hour' AS begins_at, max(w.opened_at) AS ends_at
    FROM meta_window AS w
    WHERE w.expires_at > cast(:after AS timestamptz)
    GROUP BY w.symbol
) AS k
INNER JOIN meta_symbol AS s ON k.symbol = s.symbol
INNER JOIN scorekeeper.candle AS c
    ON k.symbol = c.symbol AND k.begins_at <= c.minute_at AND k.ends_at > c.minute_at AND s.first_at <= c.minute_at;


-- name: copy_meta_candles
-- One row per candle, in order of symbol and time.
COPY (
    SELECT c.place, c.minute_at, c.close
    FROM meta_candle AS c
    ORDER BY c.place, c.minute_at
) TO STDOUT WITH BINARY;


-- name: create_meta_stored
-- One row per stored trade of a version. The table lives until the transaction ends. Parameter: version.
CREATE TEMPORARY TABLE meta_stored ON COMMIT DROP AS
SELECT
    k.trade_id, k.opened_at, k.expires_at, k.released_at, k.uniqueness, k.net_pct, k.horizon_net_pct,
    k.p_net, k.market_net, k.base_net, k.kept_net, k.p_horizon, k.market_horizon, k.base_horizon, k.kept_horizon
FROM scorekeeper.meta_trade AS k
WHERE k.version = :version;


-- name: copy_meta_stored
-- One row per stored trade, in order of expires_at and trade_id; NaN: no model yet.
COPY (
    SELECT
        k.opened_at, k.expires_at, k.released_at, k.uniqueness, k.net_pct, k.horizon_net_pct,
        coalesce(k.p_net, 'NaN'), coalesce(k.market_net, 'NaN'), coalesce(k.base_net, 'NaN'),
        cast(coalesce(k.kept_net, false) AS integer),
        coalesce(k.p_horizon, 'NaN'), coalesce(k.market_horizon, 'NaN'), coalesce(k.base_horizon, 'NaN'),
        cast(coalesce(k.kept_horizon, false) AS integer)
    FROM meta_stored AS k
    ORDER BY k.expires_at, k.trade_id
) TO STDOUT WITH BINARY;


-- name: select_meta_fits
-- One row per target and midnight of a fit, from the last one at or before `since` on, in order.
-- Parameters: version, since.
SELECT m.target, m.as_of, m.coefficients
FROM scorekeeper.meta_model AS m
WHERE
    m.version = :version AND m.as_of = cast(m.coefficients ->> 'fitted_at' AS timestamptz)
    AND m.as_of >= coalesce(
        (
            SELECT max(x.as_of) FROM scorekeeper.meta_model AS x
            WHERE
                x.version = :version AND x.target = m.target AND x.as_of <= :since
                AND x.as_of = cast(x.coefficients ->> 'fitted_at' AS timestamptz)
        ),
        '-infinity'
    )
ORDER BY m.target, m.as_of;


-- name: create_new_meta_trades
-- One row per trade to be stored, by its number in meta_window; NaN: none.
CREATE TEMPORARY TABLE new_meta_trade (
    trade_no integer, released_at timestamptz, hour_size double precision, day_size double precision,
    hour_return double precision, p_net double precision, market_net double precision, base_net double precision,
    kept_net integer, p_horizon double precision, market_horizon double precision, base_horizon double precision,
    kept_horizon integer
) ON COMMIT DROP;


-- name: copy_new_meta_trades
-- One row per trade to be stored.
COPY new_meta_trade FROM STDIN WITH BINARY;


-- name: insert_meta_trades
-- One row per trade to be stored.
INSERT INTO scorekeeper.meta_trade (
    version, expires_at, trade_id, opened_at, released_at, uniqueness, net_pct, horizon_net_pct, hour_size, day_size,
    hour_return, p_net, market_net, base_net, kept_net, p_horizon, market_horizon, base_horizon, kept_horizon
)
SELECT
    w.version, w.expires_at, w.trade_id, w.opened_at, n.released_at, w.uniqueness, w.net_pct, w.horizon_net_pct,
    nullif(n.hour_size, 'NaN'), nullif(n.day_size, 'NaN'), nullif(n.hour_return, 'NaN'),
    nullif(n.p_net, 'NaN'), nullif(n.market_net, 'NaN'), nullif(n.base_net, 'NaN'),
    CASE WHEN n.p_net <> 'NaN' THEN n.kept_net = 1 END,
    nullif(n.p_horizon, 'NaN'), nullif(n.market_horizon, 'NaN'), nullif(n.base_horizon, 'NaN'),
    CASE WHEN n.p_horizon <> 'NaN' THEN n.kept_horizon = 1 END
FROM new_meta_trade AS n
INNER JOIN meta_window AS w ON n.trade_no = w.trade_no
ORDER BY n.trade_no;


-- name: insert_meta_models
-- One row per target and midnight with something new. Parameters: version, rows (a JSON array; as_of in microseconds
-- since 1970).
INSERT INTO scorekeeper.meta_model (
    version, as_of, target, trades, independent_trades, coefficients, metrics, informs, worth_it
)
SELECT
    :version, to_timestamp(0) + r.as_of * interval '1 microsecond', r.target, r.trades, r.independent_trades,
    nullif(r.coefficients, 'null'), r.metrics, r.informs, r.worth_it
FROM
    json_to_recordset(:rows)
        AS r (
            as_of bigint, target text, trades bigint, independent_trades double precision, coefficients jsonb,
            metrics jsonb, informs boolean, worth_it boolean
        )
ORDER BY r.as_of, r.target;
