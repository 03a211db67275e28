-- name: select_last_probability
-- At most one row: the last fit of a version.
-- Parameter: version.
SELECT p.as_of, p.outcomes, p.beta, p.sum_signed, p.moments
FROM scorekeeper.learned_probability AS p
WHERE p.version = :version
ORDER BY p.as_of DESC
LIMIT 1;


-- name: create_scored
-- One row per outcome of a version that became known after `after` and up to `until`. The table lives until the
-- transaction ends. Parameters: version, after, until.
CREATE TEMPORARY TABLE learning_scored ON COMMIT DROP AS
SELECT o.expires_at, o.trade_id, o.return_pct, o.score, o.uniqueness
FROM scorekeeper.learned_outcome AS o
WHERE o.version = :version AND o.expires_at > :after AND o.expires_at <= :until;


-- name: copy_scored
-- One row per outcome, in order of expires_at and trade_id.
COPY (
    SELECT s.expires_at, s.return_pct, s.score, s.uniqueness
    FROM learning_scored AS s
    ORDER BY s.expires_at, s.trade_id
) TO STDOUT WITH BINARY;


-- name: insert_probabilities
-- One row per UTC midnight after a day with outcomes. Parameters: version, rows (a JSON array; as_of in microseconds
-- since 1970).
INSERT INTO scorekeeper.learned_probability (version, as_of, outcomes, beta, sum_signed, moments)
SELECT
    :version, to_timestamp(0) + r.as_of * interval '1 microsecond', r.outcomes, r.beta, r.sum_signed, r.moments
FROM
    json_to_recordset(:rows)
        AS r (
            as_of bigint,
            outcomes bigint,
            beta double precision,
            sum_signed double precision,
            moments double precision[]
        )
ORDER BY r.as_of;
