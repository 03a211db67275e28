ALTER TABLE scorekeeper.market ADD COLUMN calendar text;
