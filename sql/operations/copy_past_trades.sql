-- One row per trade of copy_past_decisions, as copy_trades takes it: as it was opened, in the decision's own units, at
-- the terms that stood at ingest; a close by hand up to the period's end is asked for again. Settings: begin_past.
COPY (
    SELECT
        t.trade_id, t.symbol, t.version, t.direction, d.price, t.opened_at, t.expires_at, d.stop_loss,
        d.take_profit, t.trailing_stop_pct, CASE WHEN t.trailing_stop_pct IS NOT NULL THEN d.price END,
        t.fee_bps,
        CASE WHEN c.at <= cast(current_setting('scorekeeper.until') AS timestamptz) THEN c.at END,
        t.__cost_columns__
    FROM scorekeeper.decision AS d
    INNER JOIN scorekeeper.trade AS t ON d.trade_id = t.trade_id
    CROSS JOIN
        LATERAL (
            VALUES (coalesce(t.close_requested_at, CASE t.exit_reason WHEN 'manual' THEN t.exit_time END))
        ) AS c (at)
    WHERE
        d.opened_at >= cast(current_setting('scorekeeper.since') AS timestamptz)
        AND d.opened_at < cast(current_setting('scorekeeper.until') AS timestamptz)
        AND d.voided_at IS NULL
) TO STDOUT;
