-- One row per agent's signal of the batch that is being ingested; emptied at every commit. Called by recording.
CREATE TEMPORARY TABLE IF NOT EXISTS incoming_signal (
    row_no integer NOT NULL,
    agent text NOT NULL,
    ordinal smallint NOT NULL,
    signal text NOT NULL,
    direction smallint NOT NULL,
    confidence double precision,
    extra jsonb
) ON COMMIT DELETE ROWS;
