-- One row per decision of copy_past_decisions, as copy_decision_events takes it, in order of time.
-- Settings: begin_past.
COPY (
    SELECT
        'decision' AS kind,
        trade_id
    FROM scorekeeper.decision
    WHERE
        opened_at >= cast(current_setting('scorekeeper.since') AS timestamptz)
        AND opened_at < cast(current_setting('scorekeeper.until') AS timestamptz)
        AND voided_at IS NULL
    ORDER BY opened_at, trade_id
) TO STDOUT;
