-- One row per decision just copied: it is to be published. Called by recording, and by backtest.
COPY scorekeeper.event (kind, trade_id) FROM STDIN;
