-- One row per agent's signal on a decision of copy_past_decisions. Settings: begin_past.
COPY (
    SELECT s.trade_id, s.__signal_columns__
    FROM scorekeeper.decision AS d
    INNER JOIN scorekeeper.agent_signal AS s ON d.trade_id = s.trade_id
    WHERE
        d.opened_at >= cast(current_setting('scorekeeper.since') AS timestamptz)
        AND d.opened_at < cast(current_setting('scorekeeper.until') AS timestamptz)
        AND d.voided_at IS NULL
) TO STDOUT;
