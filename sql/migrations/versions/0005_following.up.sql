-- Files that grow: which one is read how far, before its content can have a hash.

CREATE TABLE scorekeeper.followed_file (
    sha256 bytea PRIMARY KEY REFERENCES scorekeeper.decision_file (sha256),
    name text NOT NULL,
    identity text NOT NULL,
    fingerprint bytea NOT NULL,
    place text,
    returned_at timestamptz
);
COMMENT ON TABLE scorekeeper.followed_file IS
'One row per file of lines that is read while it grows; gone when it has left the inbox.';
COMMENT ON COLUMN scorekeeper.followed_file.sha256 IS
'Key that stands for its content in decision_file until it is whole: drawn at random, no hash of anything.';
COMMENT ON COLUMN scorekeeper.followed_file.name IS 'Name that it was first met under; it keeps it when it is renamed.';
COMMENT ON COLUMN scorekeeper.followed_file.identity IS 'Device and inode: the same file under whatever name.';
COMMENT ON COLUMN scorekeeper.followed_file.fingerprint IS
'Hash of the first and the last 4 KiB before committed_offset: whether what was read is still there.';
COMMENT ON COLUMN scorekeeper.followed_file.place IS
'Where it lies outside the inbox, to be moved back: it has grown since it was moved; null: it lies in the inbox.';
COMMENT ON COLUMN scorekeeper.followed_file.returned_at IS
'When it came back, having grown after it was moved; null: it never left the inbox.';

ALTER TABLE scorekeeper.file_arrival ADD COLUMN followed_as bytea;
COMMENT ON COLUMN scorekeeper.file_arrival.followed_as IS
'What its decisions name as their source_sha256, if it was followed while it grew; null: sha256 itself.';
CREATE INDEX file_arrival_moved_lines ON scorekeeper.file_arrival (moved_at)
WHERE destination ~* '\.(jsonl|ndjson|jsonlines)$' AND moved_at IS NOT NULL;

CREATE TABLE scorekeeper.archive_look (
    only_row boolean PRIMARY KEY DEFAULT true,
    looked_at timestamptz NOT NULL,
    CONSTRAINT archive_look_is_one_row CHECK (only_row)
);
COMMENT ON TABLE scorekeeper.archive_look IS
'One row at most: when all files that were moved in the last days were last looked at, whether they have grown.';
COMMENT ON COLUMN scorekeeper.archive_look.only_row IS 'Always true.';
COMMENT ON COLUMN scorekeeper.archive_look.looked_at IS 'Time of the run that looked.';
