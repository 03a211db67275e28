-- One row per agent, in order of its number.
SELECT k.agent
FROM analysed_agent AS k
ORDER BY k.agent_no;
