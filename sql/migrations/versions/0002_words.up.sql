-- How a decision was read. Decisions from before this release have nulls here: they keep the directions that they were
-- stored with, and their words are not counted.
CREATE TABLE scorekeeper.reading (
    reading_id bigint PRIMARY KEY,
    rules jsonb NOT NULL,
    CONSTRAINT reading_is_an_object CHECK (jsonb_typeof(rules) = 'object')
);
COMMENT ON TABLE scorekeeper.reading IS
'One row per set of rules that decisions were read by, as the settings were then; verify reads them by the same.';
COMMENT ON COLUMN scorekeeper.reading.reading_id IS 'From the hash of the rules.';
COMMENT ON COLUMN scorekeeper.reading.rules IS 'words: by meaning, as they are looked up; confidence_scale: by agent.';

-- No foreign key: checking one row for each of a million decisions costs more than verify's own look at it.
ALTER TABLE scorekeeper.decision
ADD COLUMN understood boolean,
ADD COLUMN notes jsonb,
ADD COLUMN reading_id bigint,
ADD CONSTRAINT decision_notes_are_an_array CHECK (jsonb_typeof(notes) = 'array');
ALTER TABLE scorekeeper.agent_signal
ADD COLUMN understood boolean;

-- Only what was not understood is in these: counting it reads nothing else.
CREATE INDEX decision_unread_word ON scorekeeper.decision (action) WHERE NOT understood;
CREATE INDEX decision_noted ON scorekeeper.decision (trade_id) WHERE notes IS NOT NULL;
CREATE INDEX agent_signal_unread_word ON scorekeeper.agent_signal (agent, signal) WHERE NOT understood;

COMMENT ON COLUMN scorekeeper.decision.action IS
'The system''s word in upper case; direction is how it is read. BUY, SELL and HOLD are always written so.';
COMMENT ON COLUMN scorekeeper.decision.direction IS '+1: its action opens a long, -1: a short, 0: no trade.';
COMMENT ON COLUMN scorekeeper.decision.understood IS
'Whether action is in a list of words; null: taken in by an older release.';
COMMENT ON COLUMN scorekeeper.decision.notes IS
'What of it could not be read and was left out, or had to be decided: an array of {field, reason}; null: nothing.';
COMMENT ON COLUMN scorekeeper.decision.reading_id IS
'The rules that it was read by; null: those of an older release, or one that no file brought.';
COMMENT ON COLUMN scorekeeper.agent_signal.understood IS
'Whether signal is in a list of words; null: taken in by an older release.';
COMMENT ON TABLE scorekeeper.trade IS
'One row per decision with a direction: open exactly while it has no exit columns.';

CREATE VIEW scorekeeper.report_unread_words AS
SELECT 'system' AS said_by, cast(null AS text) AS agent, d.action AS word, count(*) AS times
FROM scorekeeper.decision AS d
WHERE NOT d.understood
GROUP BY d.action
UNION ALL
SELECT 'agent', s.agent, s.signal, count(*)
FROM scorekeeper.agent_signal AS s
WHERE NOT s.understood
GROUP BY s.agent, s.signal;
COMMENT ON VIEW scorekeeper.report_unread_words IS
'One row per word that is in no list and who said it (said_by: system or agent): it opened no trade, made no call.';

CREATE VIEW scorekeeper.report_notes AS
SELECT
    d.trade_id, d.source_name, d.source_line, d.received_at, n.note ->> 'field' AS field, n.note ->> 'reason' AS reason
FROM scorekeeper.decision AS d
CROSS JOIN LATERAL jsonb_array_elements(d.notes) AS n (note)
WHERE d.notes IS NOT NULL;
COMMENT ON VIEW scorekeeper.report_notes IS
'One row per field of a decision that could not be read and was left out, or that something had to be decided about.';
