-- What the parts of a breakdown come to in stretches of days that are over, so that a breakdown need not count a long
-- history from its rows. The tables fill themselves: a stretch that is not there is counted from the rows.
CREATE TABLE scorekeeper.part_block (
    kind text NOT NULL,
    first_day date NOT NULL,
    last_day date NOT NULL,
    level smallint NOT NULL,
    PRIMARY KEY (kind, first_day, last_day),
    CONSTRAINT part_block_kind_known CHECK (kind IN ('system', 'agent')),
    CONSTRAINT part_block_has_days CHECK (first_day <= last_day),
    CONSTRAINT part_block_level_counts_from_one CHECK (level > 0)
);
CREATE INDEX part_block_by_last_day ON scorekeeper.part_block (last_day);
COMMENT ON TABLE scorekeeper.part_block IS
'One row per stretch of UTC days whose parts are added up. Two of a kind overlap only if one contains the other.';
COMMENT ON COLUMN scorekeeper.part_block.kind IS
'system: by the day of exit; agent: by the day of expires_at. As in stale_day.';
COMMENT ON COLUMN scorekeeper.part_block.first_day IS 'The first UTC day.';
COMMENT ON COLUMN scorekeeper.part_block.last_day IS 'The last UTC day.';
COMMENT ON COLUMN scorekeeper.part_block.level IS
'1: added up from trades or signals; higher: from the stretches of the level below that it consists of.';

CREATE TABLE scorekeeper.part_sums (
    kind text NOT NULL,
    first_day date NOT NULL,
    last_day date NOT NULL,
    breakdown text NOT NULL,
    version text,
    parts json NOT NULL,
    CONSTRAINT part_sums_one_per_scope UNIQUE NULLS NOT DISTINCT (kind, first_day, last_day, breakdown, version),
    CONSTRAINT part_sums_of_a_block FOREIGN KEY (kind, first_day, last_day)
    REFERENCES scorekeeper.part_block (kind, first_day, last_day) ON DELETE CASCADE,
    CONSTRAINT part_sums_are_a_list CHECK (json_typeof(parts) = 'array')
);
COMMENT ON TABLE scorekeeper.part_sums IS
'One row per stretch of days, breakdown and version (null: all) that has anything: what each part comes to, without
suspect and voided decisions.';
COMMENT ON COLUMN scorekeeper.part_sums.kind IS 'Of the stretch.';
COMMENT ON COLUMN scorekeeper.part_sums.first_day IS 'Of the stretch.';
COMMENT ON COLUMN scorekeeper.part_sums.last_day IS 'Of the stretch.';
COMMENT ON COLUMN scorekeeper.part_sums.breakdown IS 'As in metrics --by; hour and weekday in UTC.';
COMMENT ON COLUMN scorekeeper.part_sums.version IS 'SYSTEM_VERSION; null: all.';
COMMENT ON COLUMN scorekeeper.part_sums.parts IS
'Exact sums by part (scorekeeper/metrics/part_sums.py says what is in it).';

CREATE VIEW scorekeeper.report_part_blocks AS
SELECT b.kind, b.first_day, b.last_day, b.level
FROM scorekeeper.part_block AS b
WHERE
    NOT EXISTS (
        SELECT 1 FROM scorekeeper.stale_day AS s
        WHERE s.kind = b.kind AND s.day BETWEEN b.first_day AND b.last_day
    )
    AND NOT EXISTS (
        SELECT 1 FROM scorekeeper.retention AS r
        WHERE b.first_day < cast(r.decisions_from AT TIME ZONE 'UTC' AS date)
    );
COMMENT ON VIEW scorekeeper.report_part_blocks IS
'One row per stretch of UTC days whose parts are added up, none of whose days has changed or was deleted by its age.';

CREATE VIEW scorekeeper.report_part_sums AS
SELECT p.kind, p.first_day, p.last_day, p.breakdown, p.version, p.parts
FROM scorekeeper.part_sums AS p;
COMMENT ON VIEW scorekeeper.report_part_sums IS
'One row per stretch of days, breakdown and version (null: all): the exact sums of its parts, as JSON.';
