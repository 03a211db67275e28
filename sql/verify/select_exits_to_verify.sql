-- One row per decision that asks for a close of a symbol's trades, as stored; named_is_known: null if its given_id is
-- no trade's, else whether a settlement has looked at that trade. Parameters: symbol, as_of.
SELECT
    e.trade_id, e.version, e.side, e.asked_at, e.closes, e.given_id, e.voided, e.known_at,
    g.scanned OR g.exit_known_at IS NOT NULL AS named_is_known
FROM scorekeeper.exit_request AS e
LEFT JOIN scorekeeper.trade AS g ON e.given_id = g.trade_id AND e.symbol = g.symbol AND g.opened_at <= :as_of
WHERE e.symbol = :symbol;
