-- One row per set of rules that decisions were read by, as copy_readings takes it.
COPY scorekeeper.reading (reading_id, rules) TO STDOUT;
