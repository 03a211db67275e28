-- One row per agent's signal of the batch. Called by recording.
COPY incoming_signal (row_no, agent, ordinal, signal, direction, confidence, extra) FROM STDIN;
