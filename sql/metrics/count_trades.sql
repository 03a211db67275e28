-- One row: the counts that stand beside the figures of a scope. A trade that opened after `at` (null: no limit) does
-- not count yet. Suspect and late decisions count by their expiry in [since, until) (null: no limit), whatever else is
-- left out. Open trades count whatever their time.
-- Parameters: version, symbol (null: all), since, until, include_suspect, exclude_late (among active_trades), at.
WITH seen AS (
    SELECT d.trade_id, d.direction, d.price_suspect, d.late
    FROM scorekeeper.decision AS d
    WHERE
        d.voided_at IS NULL
        AND (d.price_suspect OR d.late)
        AND (cast(:at AS timestamptz) IS NULL OR d.opened_at <= :at)
        AND (cast(:version AS text) IS NULL OR d.version = :version)
        AND (cast(:symbol AS text) IS NULL OR d.symbol = :symbol)
        AND (cast(:since AS timestamptz) IS NULL OR d.expires_at >= :since)
        AND (cast(:until AS timestamptz) IS NULL OR d.expires_at < :until)
),
living AS (
    SELECT t.trade_id
    FROM scorekeeper.trade AS t
    INNER JOIN scorekeeper.decision AS d ON t.trade_id = d.trade_id
    WHERE
        (t.exit_time IS NULL OR t.exit_time > cast(:at AS timestamptz))
        AND (cast(:at AS timestamptz) IS NULL OR t.opened_at <= :at)
        AND d.voided_at IS NULL AND (cast(:include_suspect AS boolean) OR d.price_suspect IS NOT TRUE)
        AND NOT (cast(:exclude_late AS boolean) AND d.late)
        AND (cast(:version AS text) IS NULL OR t.version = :version)
        AND (cast(:symbol AS text) IS NULL OR t.symbol = :symbol)
)
SELECT
    (SELECT count(*) FROM living) AS active_trades,
    (
        SELECT count(*) FROM seen AS s
        WHERE s.price_suspect AND s.direction <> 0
    ) AS suspect_trades,
    (
        SELECT count(*) FROM seen AS s
        WHERE s.late
    ) AS late_decisions;
