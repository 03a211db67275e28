-- One row per decision that meets the market's price for the first time: the close of the last sealed candle complete
-- at opened_at, else the open of the first later one; a price too far from it is suspect.
-- Parameters: as_of, suspect_price_pct. Called by settle, before anything is scored.
WITH met AS (
    SELECT d.trade_id, coalesce(before.close, after.open) AS reference_price
    FROM scorekeeper.candle_coverage AS c
    INNER JOIN scorekeeper.decision AS d
        ON
            c.symbol = d.symbol
            AND d.reference_price IS NULL
            AND d.opened_at <= :as_of
            AND date_trunc('minute', d.opened_at) BETWEEN c.sealed_from AND c.sealed_until
    LEFT JOIN LATERAL (
        SELECT k.close FROM scorekeeper.candle AS k
        WHERE k.symbol = d.symbol AND k.minute_at <= d.opened_at - interval '1 minute'
        ORDER BY k.minute_at DESC LIMIT 1
    ) AS before ON true
    LEFT JOIN LATERAL (
        SELECT k.open FROM scorekeeper.candle AS k
        WHERE before.close IS NULL AND k.symbol = d.symbol AND k.minute_at > d.opened_at - interval '1 minute'
        ORDER BY k.minute_at LIMIT 1
    ) AS after ON true
    WHERE coalesce(before.close, after.open) IS NOT NULL
),
changed AS (
    UPDATE scorekeeper.decision AS d
    SET
        reference_price = met.reference_price,
        price_suspect = coalesce(
            abs(d.price - met.reference_price) / met.reference_price * 100 > cast(:suspect_price_pct AS float8), false
        )
    FROM met
    WHERE d.trade_id = met.trade_id
    RETURNING d.trade_id, d.price_suspect, d.expires_at
)
-- Only a trade that closed before any candle was known (by a quote, or imported) has been scored already.
INSERT INTO scorekeeper.stale_day (kind, day)
SELECT 'system', cast(t.exit_time AT TIME ZONE 'UTC' AS date)
FROM changed INNER JOIN scorekeeper.trade AS t ON changed.trade_id = t.trade_id
WHERE changed.price_suspect AND t.exit_time IS NOT NULL
UNION
SELECT 'agent', cast(changed.expires_at AT TIME ZONE 'UTC' AS date)
FROM changed INNER JOIN scorekeeper.trade AS t ON changed.trade_id = t.trade_id
WHERE changed.price_suspect AND t.exit_time IS NOT NULL
ON CONFLICT DO NOTHING;
