-- One row per decision of copy_past_decisions whose symbol waits for the market's list, for copy_held_decisions.
-- Settings: begin_past.
COPY (
    SELECT d.trade_id
    FROM scorekeeper.held_decision AS h
    INNER JOIN scorekeeper.decision AS d ON h.trade_id = d.trade_id
    WHERE
        d.opened_at >= cast(current_setting('scorekeeper.since') AS timestamptz)
        AND d.opened_at < cast(current_setting('scorekeeper.until') AS timestamptz)
        AND d.voided_at IS NULL
    ORDER BY d.trade_id
) TO STDOUT;
