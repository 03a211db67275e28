-- Directions stay as they were read.
DROP VIEW scorekeeper.report_notes;
DROP VIEW scorekeeper.report_unread_words;
ALTER TABLE scorekeeper.agent_signal DROP COLUMN understood;
ALTER TABLE scorekeeper.decision
DROP CONSTRAINT decision_notes_are_an_array,
DROP COLUMN understood,
DROP COLUMN notes,
DROP COLUMN reading_id;
DROP TABLE scorekeeper.reading;
COMMENT ON COLUMN scorekeeper.decision.action IS 'BUY, SELL, HOLD or another word, which opens no trade.';
COMMENT ON COLUMN scorekeeper.decision.direction IS '+1 for BUY, -1 for SELL, 0 for the others.';
COMMENT ON TABLE scorekeeper.trade IS 'One row per BUY or SELL decision: open exactly while it has no exit columns.';
