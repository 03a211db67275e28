-- Exits by decision: a decision may ask for a close, and a trade may end with exit_reason signal.
CREATE TABLE scorekeeper.exit_request (
    trade_id text COLLATE "C" PRIMARY KEY REFERENCES scorekeeper.decision (trade_id) ON DELETE CASCADE,
    symbol text NOT NULL,
    version text NOT NULL,
    side smallint NOT NULL,
    asked_at timestamptz NOT NULL,
    closes text[] COLLATE "C",
    given_id text COLLATE "C",
    voided boolean NOT NULL DEFAULT false,
    known_at timestamptz,
    CONSTRAINT exit_request_side_known CHECK (side IN (-1, 0, 1)),
    CONSTRAINT exit_request_closes_names_some CHECK (cardinality(closes) > 0),
    CONSTRAINT exit_request_named_in_one_way CHECK (closes IS NULL OR given_id IS NULL)
);
COMMENT ON TABLE scorekeeper.exit_request IS
'One row per decision that asks for open trades to be closed, at its own time; settlements derive which ones.';
COMMENT ON COLUMN scorekeeper.exit_request.trade_id IS 'The decision that asks.';
COMMENT ON COLUMN scorekeeper.exit_request.symbol IS 'As the decision''s.';
COMMENT ON COLUMN scorekeeper.exit_request.version IS 'As the decision''s.';
COMMENT ON COLUMN scorekeeper.exit_request.side IS '+1: longs, -1: shorts, 0: both.';
COMMENT ON COLUMN scorekeeper.exit_request.asked_at IS 'The decision''s time.';
COMMENT ON COLUMN scorekeeper.exit_request.closes IS
'Ids of the trades that it closes; null: what is open of its symbol, version and side.';
COMMENT ON COLUMN scorekeeper.exit_request.given_id IS
'The trade_id that the decision came with: if it is that of a trade of its symbol, it closes that trade alone.';
COMMENT ON COLUMN scorekeeper.exit_request.voided IS 'Its decision was voided: it closes nothing from then on.';
COMMENT ON COLUMN scorekeeper.exit_request.known_at IS
'The as_of of the settlement that looked at it first (null: none has, or not since it was voided); what had closed by
then it does not change.';
CREATE INDEX exit_request_by_known ON scorekeeper.exit_request (known_at, asked_at);
CREATE INDEX exit_request_by_side ON scorekeeper.exit_request (symbol, version, side, asked_at, trade_id)
WHERE closes IS NULL AND NOT voided;
CREATE INDEX exit_request_by_given_id ON scorekeeper.exit_request (given_id) WHERE given_id IS NOT NULL;
-- Without a list of what is pending, which each look would have to read.
CREATE INDEX exit_request_by_closes ON scorekeeper.exit_request USING gin (closes)
WITH (fastupdate = off) WHERE closes IS NOT NULL;

ALTER TABLE scorekeeper.trade
ADD COLUMN signal_at timestamptz,
ADD COLUMN signal_id text COLLATE "C",
ADD CONSTRAINT trade_signal_has_its_decision CHECK ((signal_at IS NULL) = (signal_id IS NULL)),
DROP CONSTRAINT trade_exit_reason_known,
ADD CONSTRAINT trade_exit_reason_known CHECK (
    exit_reason IN ('expired', 'stop_loss', 'take_profit', 'trailing_stop', 'manual', 'signal', 'imported')
);
COMMENT ON COLUMN scorekeeper.trade.signal_at IS
'When a decision asks for its close, by the minute, not before its entry; null: none does before it expires.';
COMMENT ON COLUMN scorekeeper.trade.signal_id IS 'The decision that asks: the first one by time, then by id.';
COMMENT ON COLUMN scorekeeper.trade.exit_reason IS
'expired, stop_loss, take_profit, trailing_stop, manual, signal or imported.';
COMMENT ON COLUMN scorekeeper.trade.due_at IS
'Expiry or close requested by hand, whichever comes first; signal_at stands apart.';
COMMENT ON COLUMN scorekeeper.decision.action IS
'The system''s word in upper case; direction is how it is read. BUY, SELL and HOLD are always written so; CLOSE and its
like open no trade, and ask for a close (exit_request).';
CREATE INDEX trade_signalled ON scorekeeper.trade (symbol, signal_at) WHERE exit_time IS NULL AND signal_at IS NOT NULL;
CREATE INDEX trade_by_signal ON scorekeeper.trade (signal_id) WHERE signal_id IS NOT NULL;
CREATE INDEX trade_open_side ON scorekeeper.trade (symbol, version, direction, opened_at) WHERE exit_time IS NULL;

-- What came in before as a word that opens no trade asks for a close from now on; what has closed stays as it is.
WITH exit_word (word, side) AS (
    VALUES
    ('CLOSE', 0), ('CLOSE_ALL', 0), ('CLOSE_POSITION', 0), ('CLOSE_POSITIONS', 0), ('CLOSE_TRADE', 0),
    ('CLOSE_OUT', 0), ('EXIT', 0), ('EXIT_ALL', 0), ('EXIT_POSITION', 0), ('EXIT_TRADE', 0), ('FLATTEN', 0),
    ('GO_FLAT', 0), ('LIQUIDATE', 0), ('SQUARE_OFF', 0), ('UNWIND', 0), ('CERRAR', 0), ('FERMER', 0),
    ('SCHLIESSEN', 0), ('FECHAR', 0), ('CLOSE_LONG', 1), ('CLOSE_LONGS', 1), ('CLOSE_BUY', 1), ('EXIT_LONG', 1),
    ('EXIT_LONGS', 1), ('LIQUIDATE_LONG', 1), ('LONG_EXIT', 1), ('LONG_CLOSE', 1), ('SELL_TO_CLOSE', 1),
    ('CERRAR_LARGO', 1), ('CLOSE_SHORT', -1), ('CLOSE_SHORTS', -1), ('CLOSE_SELL', -1), ('EXIT_SHORT', -1),
    ('EXIT_SHORTS', -1), ('LIQUIDATE_SHORT', -1), ('SHORT_EXIT', -1), ('SHORT_CLOSE', -1), ('BUY_TO_CLOSE', -1),
    ('BUY_TO_COVER', -1), ('COVER', -1), ('COVER_SHORT', -1), ('SHORT_COVER', -1), ('CERRAR_CORTO', -1)
)
INSERT INTO scorekeeper.exit_request (trade_id, symbol, version, side, asked_at, closes, voided)
SELECT
    d.trade_id, d.symbol, d.version, w.side, d.opened_at,
    CASE jsonb_typeof(d.extra -> 'closes')
        WHEN 'string' THEN ARRAY[d.extra ->> 'closes']
        WHEN 'array' THEN nullif(array(SELECT jsonb_array_elements_text(d.extra -> 'closes')), '{}')
    END,
    d.voided_at IS NOT NULL
FROM scorekeeper.decision AS d
INNER JOIN exit_word AS w
    ON regexp_replace(trim('_' FROM d.action), '(?<=\w)[_-]+(?=\w)', '', 'g') = replace(w.word, '_', '')
WHERE d.direction = 0;
UPDATE scorekeeper.decision AS d
SET extra = nullif(d.extra - 'closes', '{}')
FROM scorekeeper.exit_request AS e
WHERE d.trade_id = e.trade_id AND e.closes IS NOT NULL;

CREATE VIEW scorekeeper.report_exit_requests AS
SELECT
    e.trade_id, e.version, e.symbol, d.action,
    CASE e.side WHEN 1 THEN 'long' WHEN -1 THEN 'short' ELSE 'both' END AS side,
    e.asked_at, d.received_at, e.closes, e.given_id, e.known_at, e.voided, d.direction <> 0 AS opens_trade,
    count(t.trade_id) FILTER (WHERE t.exit_reason = 'signal') AS closed_trades,
    count(t.trade_id) FILTER (WHERE t.exit_time IS NULL) AS waiting_trades,
    e.known_at IS NOT NULL AND NOT e.voided
    AND count(t.trade_id) FILTER (WHERE t.exit_time IS NULL OR t.exit_reason = 'signal') = 0 AS closed_nothing
FROM scorekeeper.exit_request AS e
INNER JOIN scorekeeper.decision AS d ON e.trade_id = d.trade_id
LEFT JOIN scorekeeper.trade AS t ON e.trade_id = t.signal_id
GROUP BY e.trade_id, d.trade_id;
COMMENT ON VIEW scorekeeper.report_exit_requests IS
'One row per decision that asks for a close: trades that it closed, trades that wait for the price of its minute, and
whether it closed nothing (what it asked for had closed before, or was never open).';
