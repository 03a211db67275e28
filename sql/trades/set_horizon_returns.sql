-- One row per decision whose horizon return the sealed candles decide: the move from its price (without one: from
-- reference_price) to the expiry fill at expires_at, whatever exits came first. The ids go to settled_decision.
-- Those that got their reference price from the same settlement have their return already (set_reference_prices).
-- Parameter: as_of.
-- Looked up by symbol, and passed on as an array, for the reasons that close_due_trades gives: statistics know how many
-- decisions are undecided and how many have expired, but not that hardly any are both.
WITH bar AS ( -- noqa: ST03
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
ended AS ( -- noqa: ST03
    SELECT
        d.trade_id, d.symbol, d.opened_at, d.expires_at AS ends_at, true AS has_ended,
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
-- with priced: trades/end_prices
changed AS (
    UPDATE scorekeeper.decision AS d
    SET
        horizon_price = p.end_price,
        horizon_return_pct = (p.end_price - p.base_price) / p.base_price * 100,
        horizon_known_at = cast(:as_of AS timestamptz)
    FROM priced AS p
    WHERE d.trade_id = p.trade_id AND p.end_price IS NOT NULL
    RETURNING d.trade_id
)
INSERT INTO settled_decision (trade_id)
SELECT trade_id FROM changed;
