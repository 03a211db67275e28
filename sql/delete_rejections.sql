-- One row per refusal of an earlier attempt at a content that is now read again. Parameter: sha256. Called by ledger.
DELETE FROM scorekeeper.rejection
WHERE sha256 = :sha256;
