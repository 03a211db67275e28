-- One row: track has worked up to this minute. Parameter: as_of.
UPDATE scorekeeper.market
SET last_as_of = greatest(last_as_of, cast(:as_of AS timestamptz));
