-- name: copy_decisions
-- One row per decision that is new.
COPY scorekeeper.decision (
    source_sha256, source_name, source_line, received_at, symbol, __decision_columns__
) FROM STDIN;

-- name: copy_trades
-- One row per decision that was just copied and has a direction.
COPY scorekeeper.trade (
    trade_id, symbol, version, direction, entry_price, opened_at, expires_at, stop_loss, take_profit,
    trailing_stop_pct, best_price, fee_bps, close_requested_at, __cost_columns__
) FROM STDIN;

-- name: copy_exit_requests
-- One row per decision that was just copied and asks for a close.
COPY scorekeeper.exit_request (trade_id, symbol, version, side, asked_at, closes, given_id) FROM STDIN;

-- name: copy_held_decisions
-- One row per decision that was just copied and whose symbol waits for the market's list.
COPY scorekeeper.held_decision (trade_id) FROM STDIN;

-- name: copy_decision_events
-- One row per decision that was just copied: the event that publishes it.
COPY scorekeeper.event (kind, trade_id) FROM STDIN;

-- name: copy_agent_signals
-- One row per agent's signal of a decision that was just copied.
COPY scorekeeper.agent_signal (trade_id, __signal_columns__) FROM STDIN;
