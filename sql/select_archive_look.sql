-- One row at most: when all files that were moved in the last days were last looked at. Called by following.
SELECT looked_at FROM scorekeeper.archive_look;
