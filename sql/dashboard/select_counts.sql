-- One row: the counts that stand beside the figures of a scope, as metrics has them. What opened at as_of or later
-- (null: after the last track, if there was one) counts nowhere yet.
-- Parameters: version, symbol (null: all), since, until (half-open, on the expiry; null: no limit; open trades whatever
-- the time), suspect and late (no, yes, only: which of them are among the open trades), as_of (null: now).
WITH status AS (
    SELECT s.last_as_of, coalesce(:as_of, s.last_as_of + interval '1 microsecond', 'infinity') AS opened_before
    FROM scorekeeper.report_status AS s
),
-- Each by an index of its own.
living AS (
    SELECT d.opened_at, d.price_suspect, d.late, d.version, d.symbol
    FROM scorekeeper.report_decisions AS d
    WHERE d.opened_trade AND d.exit_time IS NULL AND d.voided_at IS NULL
    UNION ALL
    SELECT t.opened_at, t.price_suspect, t.late, t.version, t.symbol
    FROM scorekeeper.report_trades AS t
    WHERE
        t.exit_time > (SELECT coalesce(:as_of - interval '1 minute', status.last_as_of) FROM status)
        AND (
            cast(:as_of AS timestamptz) IS NULL OR t.exit_time > :as_of
            OR (t.price_source = 'market' AND (t.met_at > :as_of OR t.met_at IS NULL))
        )
),
seen AS (
    SELECT d.direction, d.price_suspect, d.late
    FROM scorekeeper.report_decisions AS d
    CROSS JOIN status
    WHERE
        (d.price_suspect OR d.late) AND d.voided_at IS NULL AND d.opened_at < status.opened_before
        AND (cast(:version AS text) IS NULL OR d.version = :version)
        AND (cast(:symbol AS text) IS NULL OR d.symbol = :symbol)
        AND (cast(:since AS timestamptz) IS NULL OR d.expires_at >= :since)
        AND (cast(:until AS timestamptz) IS NULL OR d.expires_at < :until)
)
SELECT
    status.last_as_of AS as_of,
    (
        SELECT count(*) FROM living AS l
        WHERE
            l.opened_at < status.opened_before
            AND (cast(:version AS text) IS NULL OR l.version = :version)
            AND (cast(:symbol AS text) IS NULL OR l.symbol = :symbol)
            AND (:suspect = 'yes' OR coalesce(l.price_suspect, false) = (:suspect = 'only'))
            AND (:late = 'yes' OR l.late = (:late = 'only'))
    ) AS active_trades,
    (
        SELECT count(*) FROM seen AS s
        WHERE s.price_suspect AND s.direction <> 0
    ) AS suspect_trades,
    (
        SELECT count(*) FROM seen AS s
        WHERE s.late
    ) AS late_decisions
FROM status;
