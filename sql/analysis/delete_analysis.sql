-- One row per scope analysed at `as_of`: all of them are written anew, and a version that has gone stays away.
-- Parameter: as_of.
DELETE FROM scorekeeper.analysis
WHERE as_of = :as_of;
