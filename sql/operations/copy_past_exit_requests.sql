-- One row per decision of copy_past_decisions that asks for a close, as copy_exit_requests takes it.
-- Settings: begin_past.
COPY (
    SELECT e.trade_id, e.symbol, e.version, e.side, e.asked_at, e.closes, e.given_id
    FROM scorekeeper.decision AS d
    INNER JOIN scorekeeper.exit_request AS e ON d.trade_id = e.trade_id
    WHERE
        d.opened_at >= cast(current_setting('scorekeeper.since') AS timestamptz)
        AND d.opened_at < cast(current_setting('scorekeeper.until') AS timestamptz)
        AND d.voided_at IS NULL
) TO STDOUT;
