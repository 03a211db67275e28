-- One row per decision of a period that was not voided, as incoming_decision takes it: received when it was decided, at
-- the fee that stood at ingest (what opens no trade pays none); a close by hand up to the period's end is asked for
-- again. Settings: begin_past. Called by backtest.
COPY (
    SELECT
        row_number() OVER (ORDER BY d.opened_at, d.trade_id) AS row_no,
        d.trade_id, d.content_sha256, d.source_sha256, d.source_name, d.source_line, d.opened_at AS received_at,
        d.symbol, d.raw_symbol, d.bar_interval, d.action, d.direction, d.price, d.confidence, d.opened_at,
        d.expires_at, d.version, d.reason, d.stop_loss, d.take_profit, d.trailing_stop_pct, d.position_size, d.extra,
        coalesce(t.fee_bps, 0) AS fee_bps,
        CASE WHEN c.at <= cast(current_setting('scorekeeper.until') AS timestamptz) THEN c.at END AS close_requested_at
    FROM scorekeeper.decision AS d
    LEFT JOIN scorekeeper.trade AS t ON d.trade_id = t.trade_id
    CROSS JOIN
        LATERAL (
            VALUES (coalesce(t.close_requested_at, CASE t.exit_reason WHEN 'manual' THEN t.exit_time END))
        ) AS c (at)
    WHERE
        d.opened_at >= cast(current_setting('scorekeeper.since') AS timestamptz)
        AND d.opened_at < cast(current_setting('scorekeeper.until') AS timestamptz)
        AND d.voided_at IS NULL
) TO STDOUT;
