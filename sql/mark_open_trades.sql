-- One row per version that has open trades at as_of, or whose realised result changed since its last row.
-- Suspect and voided trades are left out. Parameter: as_of. Called by settle.mark.
WITH last_close AS (
    SELECT c.symbol, k.close, k.minute_at + interval '1 minute' AS mark_at
    FROM scorekeeper.candle_coverage AS c
    INNER JOIN LATERAL (
        SELECT k.close, k.minute_at FROM scorekeeper.candle AS k
        WHERE k.symbol = c.symbol
        ORDER BY k.minute_at DESC LIMIT 1
    ) AS k ON true
),
-- direction * (mark - entry) / entry, summed: mark * sum(direction / entry) - sum(direction).
held AS (
    SELECT
        t.version, t.symbol, count(*) AS trades,
        count(*) FILTER (WHERE t.opened_at < m.mark_at) AS marked,
        sum(t.direction / t.entry_price) FILTER (WHERE t.opened_at < m.mark_at) AS weight,
        sum(t.direction) FILTER (WHERE t.opened_at < m.mark_at) AS balance
    FROM scorekeeper.trade AS t
    LEFT JOIN last_close AS m ON t.symbol = m.symbol
    WHERE
        t.exit_time IS NULL AND t.opened_at <= :as_of
        AND NOT EXISTS (
            SELECT 1 FROM scorekeeper.decision AS d
            WHERE d.trade_id = t.trade_id AND (d.voided_at IS NOT NULL OR d.price_suspect)
        )
    GROUP BY t.version, t.symbol
),
unrealised AS (
    SELECT
        h.version, sum(h.trades) AS open_trades, sum(h.marked) AS marked_trades,
        coalesce(sum((m.close * h.weight - h.balance) * 100), 0) AS pnl_pct,
        min(m.mark_at) FILTER (WHERE h.marked > 0) AS oldest_mark_at
    FROM held AS h LEFT JOIN last_close AS m ON h.symbol = m.symbol
    GROUP BY h.version
),
realised AS (
    SELECT version, cast(sum(sum_pct) AS float8) AS pnl_pct
    FROM scorekeeper.daily_score
    WHERE version IS NOT NULL AND symbol IS NULL AND NOT after_fees
    GROUP BY version
)
INSERT INTO scorekeeper.equity (
    as_of, version, open_trades, marked_trades, unrealised_pnl_pct, realised_pnl_pct, oldest_mark_at
)
SELECT
    cast(:as_of AS timestamptz), coalesce(u.version, r.version), coalesce(u.open_trades, 0),
    coalesce(u.marked_trades, 0), coalesce(u.pnl_pct, 0), coalesce(r.pnl_pct, 0), u.oldest_mark_at
FROM unrealised AS u
FULL JOIN realised AS r ON u.version = r.version
LEFT JOIN LATERAL (
    SELECT e.open_trades, e.realised_pnl_pct FROM scorekeeper.equity AS e
    WHERE e.version = coalesce(u.version, r.version) AND e.as_of < :as_of
    ORDER BY e.as_of DESC LIMIT 1
) AS before ON true
WHERE
    u.version IS NOT NULL
    OR before.open_trades IS NULL
    OR before.open_trades > 0
    OR before.realised_pnl_pct <> r.pnl_pct
ON CONFLICT (as_of, version) DO NOTHING;
