-- One row per decision that is new.
COPY scorekeeper.decision (
    source_sha256, source_name, source_line, received_at, symbol, __decision_columns__
) FROM STDIN;
