-- One row per agent that spoke on what is analysed, numbered from 0.
CREATE TEMPORARY TABLE analysed_agent ON COMMIT DROP AS
SELECT k.agent, cast(row_number() OVER (ORDER BY k.agent) - 1 AS integer) AS agent_no
FROM (
    SELECT DISTINCT s.agent
    FROM scorekeeper.agent_signal AS s
    INNER JOIN analysed AS a ON s.trade_id = a.trade_id
    WHERE a.decision_no IS NOT NULL
) AS k;
