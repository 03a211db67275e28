-- One row per decision just copied whose symbol waits for the market's list. Called by recording, and by backtest.
COPY scorekeeper.held_decision (trade_id) FROM STDIN;
