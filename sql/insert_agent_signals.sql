-- One row per decision just accepted and agent. Called by recording.
INSERT INTO scorekeeper.agent_signal (trade_id, agent, ordinal, signal, direction, confidence, extra)
SELECT i.trade_id, s.agent, s.ordinal, s.signal, s.direction, s.confidence, s.extra
FROM incoming_signal AS s
INNER JOIN incoming_decision AS i ON s.row_no = i.row_no AND i.accepted;
