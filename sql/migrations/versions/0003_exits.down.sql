-- The schema before exits by decision: what a signal closed, or is about to close, was asked for by hand.
UPDATE scorekeeper.trade
SET
    close_requested_at = least(close_requested_at, signal_at),
    exit_reason = CASE exit_reason WHEN 'signal' THEN 'manual' ELSE exit_reason END
WHERE signal_at IS NOT NULL AND (exit_time IS NULL OR exit_reason = 'signal');
UPDATE scorekeeper.decision AS d
SET extra = coalesce(d.extra, '{}') || jsonb_build_object('closes', e.closes)
FROM scorekeeper.exit_request AS e
WHERE d.trade_id = e.trade_id AND e.closes IS NOT NULL;
DROP VIEW scorekeeper.report_exit_requests;
DROP TABLE scorekeeper.exit_request;
DROP INDEX scorekeeper.trade_open_side;
ALTER TABLE scorekeeper.trade
DROP COLUMN signal_at,
DROP COLUMN signal_id,
DROP CONSTRAINT trade_exit_reason_known,
ADD CONSTRAINT trade_exit_reason_known CHECK (
    exit_reason IN ('expired', 'stop_loss', 'take_profit', 'trailing_stop', 'manual', 'imported')
);
COMMENT ON COLUMN scorekeeper.trade.exit_reason IS
'expired, stop_loss, take_profit, trailing_stop, manual or imported.';
COMMENT ON COLUMN scorekeeper.trade.due_at IS 'Expiry or requested close, whichever comes first.';
COMMENT ON COLUMN scorekeeper.decision.action IS
'The system''s word in upper case; direction is how it is read. BUY, SELL and HOLD are always written so.';
