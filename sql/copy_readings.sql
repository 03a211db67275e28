-- One row per set of rules that decisions were read by. Called by backtest.
COPY scorekeeper.reading (reading_id, rules) FROM STDIN;
