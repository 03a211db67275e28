ALTER TABLE scorekeeper.file_arrival DROP COLUMN report_sha256;
ALTER TABLE scorekeeper.analysis DROP COLUMN known_event_id;
ALTER TABLE scorekeeper.candle_coverage DROP COLUMN settled_from, DROP COLUMN settled_filled_back;
ALTER TABLE scorekeeper.market DROP COLUMN settled_as_of;
DROP INDEX scorekeeper.decision_untracked;
ALTER TABLE scorekeeper.decision DROP COLUMN tracked;
ALTER TABLE scorekeeper.event DROP CONSTRAINT event_form_known;
ALTER TABLE scorekeeper.event DROP COLUMN form;
