-- One row per set of rules that decisions were read by.
COPY scorekeeper.reading (reading_id, rules) FROM STDIN;
