-- One row per agent's signal on a decision of copy_past_decisions, with that one's number. Settings: begin_past.
-- Called by backtest.
COPY (
    SELECT p.row_no, s.agent, s.ordinal, s.signal, s.direction, s.confidence, s.extra
    FROM (
        SELECT d.trade_id, row_number() OVER (ORDER BY d.opened_at, d.trade_id) AS row_no
        FROM scorekeeper.decision AS d
        WHERE
            d.opened_at >= cast(current_setting('scorekeeper.since') AS timestamptz)
            AND d.opened_at < cast(current_setting('scorekeeper.until') AS timestamptz)
            AND d.voided_at IS NULL
    ) AS p
    INNER JOIN scorekeeper.agent_signal AS s ON p.trade_id = s.trade_id
) TO STDOUT;
