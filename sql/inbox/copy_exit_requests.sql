-- One row per decision just copied that asks for a close.
COPY scorekeeper.exit_request (trade_id, symbol, version, side, asked_at, closes, given_id) FROM STDIN;
