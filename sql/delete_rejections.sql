-- One row per refusal of an earlier attempt at contents that are now read again. Parameter: sha256 (array).
-- Called by ledger.
DELETE FROM scorekeeper.rejection
WHERE sha256 = any(cast(:sha256 AS bytea[]));
