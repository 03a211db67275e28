-- One row per new decision of the batch; the incoming rows that got in are marked accepted.
-- Sorted by id, so that two writers of the same decisions wait for each other and never deadlock.
-- Called by recording.
WITH firsts AS (
    SELECT DISTINCT ON (trade_id) *
    FROM incoming_decision
    ORDER BY trade_id, row_no
),
fresh AS (
    INSERT INTO scorekeeper.decision (
        trade_id, content_sha256, source_sha256, source_name, source_line, received_at, symbol, raw_symbol,
        bar_interval, action, direction, price, confidence, opened_at, expires_at, version, reason, stop_loss,
        take_profit, trailing_stop_pct, position_size, extra
    )
    SELECT
        trade_id, content_sha256, source_sha256, source_name, source_line, received_at, symbol, raw_symbol,
        bar_interval, action, direction, price, confidence, opened_at, expires_at, version, reason, stop_loss,
        take_profit, trailing_stop_pct, position_size, extra
    FROM firsts
    ORDER BY trade_id
    ON CONFLICT (trade_id) DO NOTHING
    RETURNING trade_id
)
UPDATE incoming_decision AS i
SET accepted = true
FROM fresh INNER JOIN firsts ON fresh.trade_id = firsts.trade_id
WHERE i.row_no = firsts.row_no;
