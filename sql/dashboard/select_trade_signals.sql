-- One row per agent that said something of a decision, in the order of the file. Parameters: trade_id.
SELECT agent, signal, direction, confidence, understood
FROM scorekeeper.report_agent_signals
WHERE trade_id = :trade_id
ORDER BY ordinal, agent;
