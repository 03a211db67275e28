-- One row per decision whose horizon return the sealed candles decide: the move from its price (without one: from
-- reference_price) to the expiry fill at expires_at, whatever exits came first. The ids go to settled_decision.
-- Parameter: as_of.
-- Looked up by symbol, and passed on as an array, for the reasons that close_due_trades gives: statistics know how many
-- decisions are undecided and how many have expired, but not that hardly any are both.
WITH bar AS (
    SELECT l.length FROM scorekeeper.report_candle_length AS l
),
ready AS (
    SELECT
        symbol, sealed_from, sealed_until,
        least(cast(:as_of AS timestamptz), sealed_until + interval '59.999999 seconds') AS decided_until
    FROM scorekeeper.candle_coverage
),
expired AS (
    SELECT near.trade_id
    FROM ready
    INNER JOIN LATERAL (
        SELECT d.trade_id FROM scorekeeper.decision AS d
        WHERE
            d.horizon_known_at IS NULL AND d.symbol = ready.symbol
            AND d.expires_at <= ready.decided_until AND d.expires_at > '-infinity'
        ORDER BY d.expires_at OFFSET 0
    ) AS near ON true
),
due AS (
    SELECT
        d.trade_id, d.symbol, d.opened_at, d.expires_at,
        coalesce(d.price * coalesce(d.price_scale, 1), d.reference_price) AS base_price
    FROM scorekeeper.decision AS d
    INNER JOIN ready ON d.symbol = ready.symbol
    WHERE
        d.trade_id = any(array(SELECT expired.trade_id FROM expired))
        AND ready.sealed_until >= date_trunc('minute', d.expires_at)
        AND ready.sealed_from <= date_trunc('minute', d.opened_at)
        -- A decision that came in after set_reference_prices ran waits: its price must be judged first.
        AND d.reference_price IS NOT NULL
),
priced AS (
    SELECT due.trade_id, due.base_price, coalesce(last_close.close, next_open.open) AS horizon_price
    FROM due
    LEFT JOIN LATERAL (
        SELECT k.close FROM scorekeeper.candle AS k
        WHERE
            k.symbol = due.symbol
            AND k.minute_at > due.opened_at - (SELECT bar.length FROM bar)
            AND (k.ends_at IS NULL OR k.ends_at > due.opened_at)
            AND k.minute_at < due.expires_at
            AND coalesce(k.ends_at, k.minute_at + (SELECT bar.length FROM bar)) <= due.expires_at
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
