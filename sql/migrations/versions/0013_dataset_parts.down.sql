DROP TABLE scorekeeper.set_aside_dataset;
DROP TABLE scorekeeper.dataset_part;
DELETE FROM scorekeeper.publication
WHERE kind = 'parquet';
ALTER TABLE scorekeeper.publication DROP CONSTRAINT publication_kind_known;
ALTER TABLE scorekeeper.publication ADD CONSTRAINT publication_kind_known CHECK (kind IN ('log', 'dataset'));
COMMENT ON COLUMN scorekeeper.publication.path IS 'Absolute path of the file.';
COMMENT ON COLUMN scorekeeper.publication.kind IS 'log or dataset.';
COMMENT ON COLUMN scorekeeper.publication.committed_bytes IS 'Length of the file then.';
COMMENT ON COLUMN scorekeeper.publication.tail_sha256 IS 'Of the last 4096 committed bytes: an edited file is noticed.';
