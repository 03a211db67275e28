-- Added columns alone: what is published, and what is stored, stays as it is.

-- Lines that are published already keep their form, byte for byte. It is 2 from here on.
ALTER TABLE scorekeeper.event ADD COLUMN form smallint NOT NULL DEFAULT 1;
ALTER TABLE scorekeeper.event ALTER COLUMN form SET DEFAULT 2;
ALTER TABLE scorekeeper.event ADD CONSTRAINT event_form_known CHECK (form IN (1, 2));
COMMENT ON COLUMN scorekeeper.event.form IS
'How its line of the dataset is written: 1 as before this column came, with a second completed line for the horizon;
2 with one completed line a trade, and the statuses hold and horizon.';

-- What was settled before is taken for looked at; what has met no price yet is looked at by the next settlement.
ALTER TABLE scorekeeper.decision ADD COLUMN tracked boolean NOT NULL DEFAULT true;
ALTER TABLE scorekeeper.decision ALTER COLUMN tracked SET DEFAULT false;
UPDATE scorekeeper.decision SET tracked = false
WHERE reference_price IS NULL AND horizon_known_at IS NULL;
COMMENT ON COLUMN scorekeeper.decision.tracked IS
'Whether a settlement has looked at it as it stands; until then it waits for the next track, and nothing is wrong.';
CREATE INDEX decision_untracked ON scorekeeper.decision (opened_at) WHERE NOT tracked;

ALTER TABLE scorekeeper.market ADD COLUMN settled_as_of timestamptz;
UPDATE scorekeeper.market SET settled_as_of = last_as_of;
COMMENT ON COLUMN scorekeeper.market.settled_as_of IS
'The last minute that a settlement has closed trades at: a track that is at work has not concluded it yet.';

ALTER TABLE scorekeeper.candle_coverage
ADD COLUMN settled_from timestamptz, ADD COLUMN settled_filled_back boolean;
UPDATE scorekeeper.candle_coverage SET settled_from = sealed_from, settled_filled_back = filled_back;
COMMENT ON COLUMN scorekeeper.candle_coverage.settled_from IS
'sealed_from as the last settlement found it; null: none has looked at this symbol yet.';
COMMENT ON COLUMN scorekeeper.candle_coverage.settled_filled_back IS 'filled_back as the last settlement found it.';

ALTER TABLE scorekeeper.analysis ADD COLUMN known_event_id bigint;
COMMENT ON COLUMN scorekeeper.analysis.known_event_id IS
'Highest event_id of a close or a horizon return that was known to it (0: none); null: made before this column came.';

ALTER TABLE scorekeeper.file_arrival ADD COLUMN report_sha256 bytea;
COMMENT ON COLUMN scorekeeper.file_arrival.report_sha256 IS
'Hash of the report that was written beside its file in quarantine; null: none was, or before this column came.';
