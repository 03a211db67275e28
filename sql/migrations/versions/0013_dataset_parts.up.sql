-- The dataset in Parquet: which files it has, and which rows each holds. Added alone: published lines stay as they are.
ALTER TABLE scorekeeper.publication DROP CONSTRAINT publication_kind_known;
ALTER TABLE scorekeeper.publication
ADD CONSTRAINT publication_kind_known CHECK (kind IN ('log', 'dataset', 'parquet'));
COMMENT ON COLUMN scorekeeper.publication.path IS
'Absolute path or address: of a file, or of the folder of the Parquet dataset.';
COMMENT ON COLUMN scorekeeper.publication.kind IS 'log, dataset or parquet.';
COMMENT ON COLUMN scorekeeper.publication.tail_sha256 IS
'Of the last 4096 committed bytes, or of the manifest in an object store: a changed file is noticed.';
COMMENT ON COLUMN scorekeeper.publication.committed_bytes IS
'Length of the file then; 0 for a folder, see dataset_part.';

CREATE TABLE scorekeeper.dataset_part (
    path text NOT NULL REFERENCES scorekeeper.publication (path) ON DELETE CASCADE,
    month date NOT NULL,
    part_no integer NOT NULL,
    row_count integer NOT NULL,
    first_line_no bigint NOT NULL,
    last_line_no bigint NOT NULL,
    size_bytes bigint NOT NULL,
    sha256 bytea NOT NULL,
    PRIMARY KEY (path, month, part_no),
    CONSTRAINT dataset_part_month_is_a_first CHECK (extract(DAY FROM month) = 1),
    CONSTRAINT dataset_part_has_rows CHECK (part_no > 0 AND row_count > 0 AND size_bytes > 0),
    CONSTRAINT dataset_part_lines_in_order CHECK (first_line_no > 0 AND last_line_no >= first_line_no + row_count - 1)
);
COMMENT ON TABLE scorekeeper.dataset_part IS
'One row per file of the dataset in Parquet. A month''s files are full, except for the last one, which grows.';
COMMENT ON COLUMN scorekeeper.dataset_part.path IS 'The folder of the dataset.';
COMMENT ON COLUMN scorekeeper.dataset_part.month IS
'First day of the UTC month in which the decisions of its rows were made.';
COMMENT ON COLUMN scorekeeper.dataset_part.part_no IS 'Number of the file within its month, from 1 on, without gaps.';
COMMENT ON COLUMN scorekeeper.dataset_part.row_count IS 'How many rows it holds: lines of the dataset.';
COMMENT ON COLUMN scorekeeper.dataset_part.first_line_no IS 'Lowest event.line_no in the file.';
COMMENT ON COLUMN scorekeeper.dataset_part.last_line_no IS 'Highest event.line_no in the file.';
COMMENT ON COLUMN scorekeeper.dataset_part.size_bytes IS 'Length of the file.';
COMMENT ON COLUMN scorekeeper.dataset_part.sha256 IS 'Of the whole file: a changed one is noticed.';

CREATE TABLE scorekeeper.set_aside_dataset (
    path text PRIMARY KEY,
    mark text NOT NULL,
    lost bigint NOT NULL,
    lost_id text,
    CONSTRAINT set_aside_dataset_names_what_is_lost CHECK (lost >= 0 AND (lost > 0) = (lost_id IS NOT NULL))
);
COMMENT ON TABLE scorekeeper.set_aside_dataset IS
'One row per published dataset that was set aside and has been read: an ingest need not read it again.';
COMMENT ON COLUMN scorekeeper.set_aside_dataset.path IS 'Absolute path or address.';
COMMENT ON COLUMN scorekeeper.set_aside_dataset.mark IS
'What differs if it was written again, or if decisions of another age are kept.';
COMMENT ON COLUMN scorekeeper.set_aside_dataset.lost IS 'How many of its decisions were not stored when it was read.';
COMMENT ON COLUMN scorekeeper.set_aside_dataset.lost_id IS
'The trade_id of one of them: once that is stored, the dataset is read again.';
