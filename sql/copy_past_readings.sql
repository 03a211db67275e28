-- One row per set of rules that decisions were read by, as copy_readings takes it. Called by backtest.
COPY scorekeeper.reading (reading_id, rules) TO STDOUT;
