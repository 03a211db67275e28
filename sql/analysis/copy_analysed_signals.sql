-- One row per signal on a decision whose horizon return is known, in no order; confidence NaN: none.
COPY (
    SELECT
        a.decision_no, k.agent_no, cast(s.direction AS integer), coalesce(s.confidence, 'NaN')
    FROM scorekeeper.agent_signal AS s
    INNER JOIN analysed AS a ON s.trade_id = a.trade_id
    INNER JOIN analysed_agent AS k ON s.agent = k.agent
    WHERE a.decision_no IS NOT NULL
) TO STDOUT WITH BINARY;
