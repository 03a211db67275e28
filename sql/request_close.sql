-- At most one row: the first request to close an open trade wins. Parameters: trade_id, at. Called by
-- settle.request_close.
UPDATE scorekeeper.trade
SET close_requested_at = cast(:at AS timestamptz)
WHERE trade_id = :trade_id AND exit_time IS NULL AND close_requested_at IS NULL AND opened_at <= :at;
