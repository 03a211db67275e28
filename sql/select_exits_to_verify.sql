-- One row per decision that asks for a close of a symbol's trades, as stored. Parameter: symbol. Called by verify.
SELECT trade_id, version, side, asked_at, closes, given_id, voided, known_at
FROM scorekeeper.exit_request
WHERE symbol = :symbol;
