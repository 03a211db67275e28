-- One row per refusal of a content that has grown: it is of the longer content now, as its file will be.
-- Parameters: name, before, sha256. Called by ledger.
UPDATE scorekeeper.rejection
SET sha256 = :sha256
WHERE sha256 = :before AND source_name = :name;
