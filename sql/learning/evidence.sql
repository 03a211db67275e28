-- name: create_judged
-- One row per outcome of a version that opened from `opened_from` on and is known at `until`, the end of a block. The
-- table lives until the transaction ends. Parameters: version, opened_from, until.
CREATE TEMPORARY TABLE learning_judged ON COMMIT DROP AS
SELECT o.opened_at, o.expires_at, o.trade_id, o.excess, o.uniqueness
FROM scorekeeper.learned_outcome AS o
WHERE
    -- It expires after it opened: so few are looked at, by the key.
    o.version = :version AND o.expires_at > :opened_from AND o.expires_at <= :until AND o.opened_at >= :opened_from;


-- name: copy_judged
-- One row per outcome, in order of opened_at and trade_id.
COPY (
    SELECT j.opened_at, j.expires_at, j.excess, j.uniqueness
    FROM learning_judged AS j
    ORDER BY j.opened_at, j.trade_id
) TO STDOUT WITH BINARY;


-- name: select_last_block
-- At most one row: the last block of a version with evidence.
-- Parameter: version.
SELECT e.ends_at, e.blocks, e.sum_squares, e.wealth, e.e_value, e.adopted
FROM scorekeeper.weight_evidence AS e
WHERE e.version = :version
ORDER BY e.begins_at DESC
LIMIT 1;


-- name: insert_blocks
-- One row per block. Parameters: version, rows (a JSON array; times in microseconds since 1970).
INSERT INTO scorekeeper.weight_evidence (
    version, begins_at, ends_at, decisions, independent, mean_excess, scale, wealth, e_value, running, adopted, blocks,
    sum_squares
)
SELECT
    :version,
    to_timestamp(0) + r.begins * interval '1 microsecond',
    to_timestamp(0) + r.ends * interval '1 microsecond',
    r.decisions, r.independent, r.mean_excess, r.scale, r.wealth, r.e_value, r.running, r.adopted, r.blocks,
    r.sum_squares
FROM
    json_to_recordset(:rows)
        AS r (
            begins bigint, ends bigint, decisions bigint, independent double precision, mean_excess double precision,
            scale double precision, wealth double precision[], e_value double precision, running text, adopted boolean,
            blocks bigint, sum_squares double precision
        )
ORDER BY r.begins;
