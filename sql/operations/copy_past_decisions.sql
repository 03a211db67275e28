-- One row per decision of a period that was not voided, as copy_decisions takes it: received when it was decided.
-- Settings: begin_past.
COPY (
    SELECT
        source_sha256, source_name, source_line, opened_at AS received_at, symbol, __decision_columns__
    FROM scorekeeper.decision
    WHERE
        opened_at >= cast(current_setting('scorekeeper.since') AS timestamptz)
        AND opened_at < cast(current_setting('scorekeeper.until') AS timestamptz)
        AND voided_at IS NULL
) TO STDOUT;
