-- One row at most: when all files that were moved in the last days were last looked at.
SELECT looked_at FROM scorekeeper.archive_look;
