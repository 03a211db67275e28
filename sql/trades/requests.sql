-- name: select_trade
-- At most one row: a trade with its decision's state. Parameter: trade_id.
SELECT
    d.trade_id, d.symbol, d.action, d.voided_at, d.opened_at AS decided_at, t.opened_at, t.expires_at,
    t.close_requested_at, t.exit_time,
    t.exit_price, t.exit_reason, t.pnl_pct, t.trade_id IS NOT NULL AS is_trade
FROM scorekeeper.decision AS d
LEFT JOIN scorekeeper.trade AS t ON d.trade_id = t.trade_id
WHERE d.trade_id = :trade_id;

-- name: request_close
-- At most one row: the first request to close an open trade counts. In the minute of the entry it acts at the entry.
-- The decision then waits for the next settlement. Parameters: trade_id, moment, minute (moment rounded down).
WITH asked AS (
    UPDATE scorekeeper.trade
    SET close_requested_at = greatest(cast(:minute AS timestamptz), opened_at)
    WHERE trade_id = :trade_id AND exit_time IS NULL AND close_requested_at IS NULL AND opened_at <= :moment
    RETURNING trade_id
)
UPDATE scorekeeper.decision AS d
SET tracked = false
FROM asked
WHERE d.trade_id = asked.trade_id;
