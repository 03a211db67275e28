-- One row: a track begins with this minute, and an earlier one is refused from now on. Parameter: as_of.
UPDATE scorekeeper.market
SET begun_as_of = :as_of;
