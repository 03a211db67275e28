ALTER TABLE scorekeeper.market DROP COLUMN calendar;
