-- One row per decision whose horizon return the sealed candles decide: the move from its price (without one: from
-- reference_price) to the expiry fill at expires_at, whatever exits came first. The ids go to settled_decision.
-- Parameter: as_of. Called by settle.
WITH due AS (
    SELECT d.trade_id, d.symbol, d.opened_at, d.expires_at, coalesce(d.price, d.reference_price) AS base_price
    FROM scorekeeper.candle_coverage AS c
    INNER JOIN scorekeeper.decision AS d ON c.symbol = d.symbol
    WHERE
        d.horizon_known_at IS NULL
        AND d.expires_at <= :as_of
        AND c.sealed_until >= date_trunc('minute', d.expires_at)
        AND c.sealed_from <= date_trunc('minute', d.opened_at)
        AND coalesce(d.price, d.reference_price) IS NOT NULL
),
priced AS (
    SELECT due.trade_id, due.base_price, coalesce(last_close.close, next_open.open) AS horizon_price
    FROM due
    LEFT JOIN LATERAL (
        SELECT k.close FROM scorekeeper.candle AS k
        WHERE
            k.symbol = due.symbol
            AND k.minute_at > due.opened_at - interval '1 minute'
            AND k.minute_at <= due.expires_at - interval '1 minute'
        ORDER BY k.minute_at DESC LIMIT 1
    ) AS last_close ON true
    LEFT JOIN LATERAL (
        SELECT k.open FROM scorekeeper.candle AS k
        WHERE last_close.close IS NULL AND k.symbol = due.symbol AND k.minute_at >= due.expires_at
        ORDER BY k.minute_at LIMIT 1
    ) AS next_open ON true
),
changed AS (
    UPDATE scorekeeper.decision AS d
    SET
        horizon_price = p.horizon_price,
        horizon_return_pct = (p.horizon_price - p.base_price) / p.base_price * 100,
        horizon_known_at = cast(:as_of AS timestamptz)
    FROM priced AS p
    WHERE d.trade_id = p.trade_id AND p.horizon_price IS NOT NULL
    RETURNING d.trade_id
)
INSERT INTO settled_decision (trade_id)
SELECT trade_id FROM changed;
