-- One row per decision just copied whose symbol waits for the market's list.
COPY scorekeeper.held_decision (trade_id) FROM STDIN;
