-- One row: the counts that stand beside the figures of a scope. A trade that opened after `at` (null: the last as_of of
-- track, if there was one) does not count yet. Suspect and late decisions count by their expiry in [since, until)
-- (null: no limit), whatever else is left out. Open trades count whatever their time.
-- Parameters: version, symbol (null: all), since, until, include_suspect, exclude_late (among active_trades), at.
WITH seen AS (
    SELECT
        d.trade_id, d.direction, d.price_suspect, d.late, d.opened_at,
        coalesce(cast(:at AS timestamptz), m.last_as_of) AS at
    FROM scorekeeper.decision AS d
    LEFT JOIN scorekeeper.market AS m ON true
    WHERE
        d.voided_at IS NULL
        AND (d.price_suspect OR d.late)
        AND (cast(:version AS text) IS NULL OR d.version = :version)
        AND (cast(:symbol AS text) IS NULL OR d.symbol = :symbol)
        AND (cast(:since AS timestamptz) IS NULL OR d.expires_at >= :since)
        AND (cast(:until AS timestamptz) IS NULL OR d.expires_at < :until)
),
living AS (
    SELECT t.opened_at, t.exit_time, coalesce(cast(:at AS timestamptz), m.last_as_of) AS at
    FROM scorekeeper.trade AS t
    INNER JOIN scorekeeper.decision AS d ON t.trade_id = d.trade_id
    LEFT JOIN scorekeeper.market AS m ON true
    WHERE
        (t.exit_time IS NULL OR t.exit_time > coalesce(cast(:at AS timestamptz), m.last_as_of))
        AND d.voided_at IS NULL AND (cast(:include_suspect AS boolean) OR d.price_suspect IS NOT TRUE)
        AND NOT (cast(:exclude_late AS boolean) AND d.late)
        AND (cast(:version AS text) IS NULL OR t.version = :version)
        AND (cast(:symbol AS text) IS NULL OR t.symbol = :symbol)
)
SELECT
    (SELECT m.last_as_of FROM scorekeeper.market AS m) AS as_of,
    (
        SELECT count(*) FROM living AS l
        WHERE l.at IS NULL OR l.opened_at <= l.at
    ) AS active_trades,
    (
        SELECT count(*) FROM seen AS s
        WHERE s.price_suspect AND s.direction <> 0 AND (s.at IS NULL OR s.opened_at <= s.at)
    ) AS suspect_trades,
    (
        SELECT count(*) FROM seen AS s
        WHERE s.late AND (s.at IS NULL OR s.opened_at <= s.at)
    ) AS late_decisions;
