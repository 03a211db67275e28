-- name: select_settled_coverage
-- One row per symbol: the sealed range at its last settlement (sealed_from null: none so far).
SELECT
    symbol, settled_from AS sealed_from, settled_until AS sealed_until, settled_filled_back AS filled_back
FROM scorekeeper.candle_coverage
ORDER BY symbol;


-- name: select_candles
-- One row: the first sealed candles of a symbol that end by `until` and open after `after`, `most` of them, in order.
-- Each column has its values one after the other, as Postgres sends them in its binary format; null: there are none.
-- Parameters: symbol, until, after, most.
SELECT
    string_agg(timestamptz_send(c.minute_at), '') AS opens, string_agg(float8send(c.open), '') AS open,
    string_agg(float8send(c.high), '') AS high, string_agg(float8send(c.low), '') AS low,
    string_agg(float8send(c.close), '') AS close, string_agg(timestamptz_send(c.ends_at), '') AS ends
FROM (
    SELECT c.minute_at, c.open, c.high, c.low, c.close, coalesce(c.ends_at, c.minute_at + l.length) AS ends_at
    FROM scorekeeper.candle AS c CROSS JOIN scorekeeper.report_candle_length AS l
    WHERE
        c.symbol = :symbol AND c.minute_at > :after AND c.minute_at < :until
        AND coalesce(c.ends_at, c.minute_at + l.length) <= :until
    ORDER BY c.minute_at
    LIMIT :most
) AS c;


-- name: select_closes
-- One row: the candles of a symbol that open in [since, until], in order; columns as in select_candles. Parameters:
-- symbol, since, until.
SELECT string_agg(timestamptz_send(c.minute_at), '') AS opens, string_agg(float8send(c.close), '') AS close
FROM (
    SELECT c.minute_at, c.close
    FROM scorekeeper.candle AS c
    WHERE c.symbol = :symbol AND c.minute_at >= :since AND c.minute_at <= :until
    ORDER BY c.minute_at
) AS c;


-- name: select_exits_to_verify
-- One row per decision that asks for a close of a symbol's trades. named_is_known: null if its given_id is
-- not a trade's id, else whether a settlement has looked at that trade. Parameters: symbol, as_of.
SELECT
    e.trade_id, e.version, e.side, e.asked_at, e.closes, e.given_id, e.voided, e.known_at,
    g.scanned OR g.exit_known_at IS NOT NULL AS named_is_known
FROM scorekeeper.exit_request AS e
LEFT JOIN scorekeeper.trade AS g ON e.given_id = g.trade_id AND e.symbol = g.symbol AND g.opened_at <= :as_of
WHERE e.symbol = :symbol;


-- name: select_trades_to_verify
-- One row per decision of a symbol with its trade, and whether a settlement has looked at it.
-- Parameter: symbol.
SELECT
    d.trade_id, d.tracked, d.direction AS decision_direction, d.price, d.price_scale, d.opened_at, d.expires_at,
    d.reference_price,
    d.horizon_price, d.horizon_return_pct, t.direction, t.entry_price, t.stop_loss, t.take_profit,
    t.trailing_stop_pct, t.close_requested_at, t.fee_bps, t.__cost_columns__,
    t.exit_time, t.exit_price, t.exit_reason, t.ambiguous_exit,
    t.price_age_seconds, t.pnl_pct, t.net_pnl_pct, t.mfe_pct, t.mae_pct, t.price_source,
    t.version, t.scanned, t.signal_at, t.signal_id, t.exit_known_at,
    t.left_out, d.voided_at IS NOT NULL OR d.price_suspect IS TRUE AS must_be_left_out
FROM scorekeeper.decision AS d
LEFT JOIN scorekeeper.trade AS t ON d.trade_id = t.trade_id
WHERE d.symbol = :symbol
ORDER BY d.opened_at, d.trade_id;
