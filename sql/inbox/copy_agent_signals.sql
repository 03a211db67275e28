-- One row per decision just copied and agent.
COPY scorekeeper.agent_signal (trade_id, __signal_columns__) FROM STDIN;
