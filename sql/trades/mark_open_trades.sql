-- One row per version that has open trades at as_of, or whose figures changed since its last row. The figures are 0
-- after its last trade was voided. Suspect and voided trades are left out. Parameter: as_of.
WITH RECURSIVE walk AS (
    (
        SELECT t.symbol FROM scorekeeper.trade AS t
        WHERE t.exit_time IS NULL AND NOT t.left_out
        ORDER BY t.symbol LIMIT 1
    )
    UNION ALL
    SELECT (
        SELECT t.symbol FROM scorekeeper.trade AS t
        WHERE t.exit_time IS NULL AND NOT t.left_out AND t.symbol > walk.symbol
        ORDER BY t.symbol LIMIT 1
    )
    FROM walk
    WHERE walk.symbol IS NOT NULL
),
last_close AS (
    SELECT
        walk.symbol, k.close,
        coalesce(k.ends_at, k.minute_at + (SELECT l.length FROM scorekeeper.report_candle_length AS l)) AS mark_at
    FROM walk
    LEFT JOIN LATERAL (
        SELECT c.close, c.minute_at, c.ends_at FROM scorekeeper.candle AS c
        WHERE c.symbol = walk.symbol
        ORDER BY c.minute_at DESC LIMIT 1
    ) AS k ON true
    WHERE walk.symbol IS NOT NULL
),
-- direction * (mark - entry) / entry, summed: mark * sum(direction / entry) - sum(direction).
unrealised AS (
    SELECT
        h.version, sum(h.trades) AS open_trades, sum(h.marked) AS marked_trades,
        coalesce(sum((m.close * h.weight - h.balance) * 100), 0) AS pnl_pct,
        min(m.mark_at) FILTER (WHERE h.marked > 0) AS oldest_mark_at
    FROM last_close AS m
    INNER JOIN LATERAL (
        SELECT
            t.version, count(*) AS trades, count(*) FILTER (WHERE t.opened_at < m.mark_at) AS marked,
            sum(t.direction / t.entry_price) FILTER (WHERE t.opened_at < m.mark_at) AS weight,
            sum(t.direction) FILTER (WHERE t.opened_at < m.mark_at) AS balance
        FROM scorekeeper.trade AS t
        WHERE t.exit_time IS NULL AND NOT t.left_out AND t.symbol = m.symbol AND t.opened_at <= :as_of
        GROUP BY t.version
    ) AS h ON true
    GROUP BY h.version
),
realised AS (
    SELECT version, cast(sum(sum_pct) AS float8) AS pnl_pct
    FROM scorekeeper.daily_score
    WHERE version IS NOT NULL AND symbol IS NULL AND NOT after_fees
    GROUP BY version
),
-- Every version that has a row: the index is read from one version to the next.
versions AS (
    (
        SELECT e.version FROM scorekeeper.equity AS e
        ORDER BY e.version LIMIT 1
    )
    UNION ALL
    SELECT (
        SELECT e.version FROM scorekeeper.equity AS e
        WHERE e.version > versions.version
        ORDER BY e.version LIMIT 1
    )
    FROM versions
    WHERE versions.version IS NOT NULL
),
now_known AS (
    SELECT version FROM unrealised
    UNION
    SELECT version FROM realised
    UNION
    SELECT version FROM versions
    WHERE version IS NOT NULL
)
INSERT INTO scorekeeper.equity (
    as_of, version, open_trades, marked_trades, unrealised_pnl_pct, realised_pnl_pct, oldest_mark_at
)
SELECT
    cast(:as_of AS timestamptz), n.version, coalesce(u.open_trades, 0),
    coalesce(u.marked_trades, 0), coalesce(u.pnl_pct, 0), coalesce(r.pnl_pct, 0), u.oldest_mark_at
FROM now_known AS n
LEFT JOIN unrealised AS u ON n.version = u.version
LEFT JOIN realised AS r ON n.version = r.version
LEFT JOIN LATERAL (
    SELECT e.open_trades, e.realised_pnl_pct FROM scorekeeper.equity AS e
    WHERE e.version = n.version AND e.as_of < :as_of
    ORDER BY e.as_of DESC LIMIT 1
) AS before ON true
WHERE
    u.version IS NOT NULL
    OR before.open_trades IS NULL
    OR before.open_trades > 0
    OR before.realised_pnl_pct <> coalesce(r.pnl_pct, 0)
ON CONFLICT (as_of, version) DO NOTHING;
