-- One row: all files that were moved in the last days have been looked at. Parameter: at.
INSERT INTO scorekeeper.archive_look (looked_at) VALUES (:at)
ON CONFLICT (only_row) DO UPDATE SET looked_at = excluded.looked_at;
