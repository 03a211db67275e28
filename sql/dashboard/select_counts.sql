-- One row: the counts that stand beside the figures of a scope, as metrics has them.
-- Parameters: version, symbol (null: all), since, until (half-open, on the expiry; null: no limit; open trades whatever
-- the time), suspect and late (no, yes, only: which of them are among the open trades), as_of (null: now), at (as_of,
-- else the last track; null: there was none), opened_before (what opened then or later counts nowhere yet).
WITH living AS (
    -- Each by an index of its own. What was suspect at as_of had been judged then.
    SELECT
        d.opened_at, d.late, d.version, d.symbol,
        d.price_suspect AND (cast(:as_of AS timestamptz) IS NULL OR d.judged_from <= :as_of) AS price_suspect
    FROM scorekeeper.report_decisions AS d
    WHERE d.opened_trade AND d.exit_time IS NULL AND d.voided_at IS NULL
    UNION ALL
    SELECT
        t.opened_at, t.late, t.version, t.symbol,
        t.price_suspect AND (cast(:as_of AS timestamptz) IS NULL OR t.judged_from <= :as_of) AS price_suspect
    FROM scorekeeper.report_trades AS t
    WHERE
        t.exit_time > cast(:at AS timestamptz) - (SELECT l.length FROM scorekeeper.report_candle_length AS l)
        AND t.opened_at < :opened_before
        AND (t.exit_time > :at OR (cast(:as_of AS timestamptz) IS NOT NULL AND t.closed_from > :at))
),
seen AS (
    SELECT
        d.direction, d.late,
        d.price_suspect AND (cast(:as_of AS timestamptz) IS NULL OR d.judged_from <= :as_of) AS price_suspect
    FROM scorekeeper.report_decisions AS d
    WHERE
        (d.price_suspect OR d.late) AND d.voided_at IS NULL AND d.opened_at < :opened_before
        AND (cast(:version AS text) IS NULL OR d.version = :version)
        AND (cast(:symbol AS text) IS NULL OR d.symbol = :symbol)
        AND (cast(:since AS timestamptz) IS NULL OR d.expires_at >= :since)
        AND (cast(:until AS timestamptz) IS NULL OR d.expires_at < :until)
)
SELECT
    (
        SELECT count(*) FROM living AS l
        WHERE
            l.opened_at < :opened_before
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
    ) AS late_decisions;
