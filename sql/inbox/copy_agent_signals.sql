-- One row per decision just copied and agent.
COPY scorekeeper.agent_signal (trade_id, agent, ordinal, signal, direction, confidence, extra, understood) FROM STDIN;
