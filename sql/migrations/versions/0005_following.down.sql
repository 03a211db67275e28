-- What is followed ends as it stands: its lines are in, and the file is met anew.
UPDATE scorekeeper.file_arrival AS a
SET outcome = 'ingested', destination = null, moved_at = a.arrived_at
FROM scorekeeper.followed_file AS f
WHERE a.sha256 = f.sha256 AND a.moved_at IS NULL;
UPDATE scorekeeper.decision_file AS d
SET finished_at = now()
FROM scorekeeper.followed_file AS f
WHERE d.sha256 = f.sha256;
UPDATE scorekeeper.decision AS d
SET source_sha256 = a.sha256
FROM scorekeeper.file_arrival AS a
WHERE a.followed_as = d.source_sha256 AND a.name = d.source_name;
DROP INDEX scorekeeper.file_arrival_moved_lines;
ALTER TABLE scorekeeper.file_arrival DROP COLUMN followed_as;
DROP TABLE scorekeeper.archive_look;
DROP TABLE scorekeeper.followed_file;
