-- One row per refusal of a content that has grown: it is of the longer content now, as its file will be.
-- Parameters, an array each: name, before, sha256. Called by ledger.
UPDATE scorekeeper.rejection AS r
SET sha256 = g.sha256
FROM unnest(cast(:name AS text[]), cast(:before AS bytea[]), cast(:sha256 AS bytea[])) AS g (name, before, sha256)
WHERE r.sha256 = g.before AND r.source_name = g.name;
