DROP VIEW scorekeeper.report_part_sums;
DROP VIEW scorekeeper.report_part_blocks;
DROP TABLE scorekeeper.part_sums;
DROP TABLE scorekeeper.part_block;
