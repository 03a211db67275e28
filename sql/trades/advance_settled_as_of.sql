-- At most one row: trades have been closed as of this minute. Parameter: as_of.
UPDATE scorekeeper.market
SET settled_as_of = greatest(settled_as_of, cast(:as_of AS timestamptz))
WHERE settled_as_of IS NULL OR settled_as_of < cast(:as_of AS timestamptz);
