-- One row per row of the CTE ended, with its columns and horizon_price: the expiry fill at expires_at, which is the
-- close of the last candle that was complete then, else the open of the first later one. Null without such a candle, or
-- where has_ended is not true. A decision's horizon return and a reference price that comes with it share it.
-- The CTE ended has one row per decision: symbol, opened_at, expires_at, has_ended (the sealed candles reach its
-- expiry). The CTE bar has the length of a candle. The columns of ended are not known here (AM04).
SELECT
    e.*, -- noqa: AM04
    coalesce(last_close.close, next_open.open) AS horizon_price
FROM ended AS e
LEFT JOIN LATERAL (
    SELECT k.close FROM scorekeeper.candle AS k
    WHERE
        e.has_ended AND k.symbol = e.symbol
        AND k.minute_at > e.opened_at - (SELECT bar.length FROM bar)
        AND (k.ends_at IS NULL OR k.ends_at > e.opened_at)
        AND k.minute_at < e.expires_at
        AND coalesce(k.ends_at, k.minute_at + (SELECT bar.length FROM bar)) <= e.expires_at
    ORDER BY k.minute_at DESC LIMIT 1
) AS last_close ON true
LEFT JOIN LATERAL (
    SELECT k.open FROM scorekeeper.candle AS k
    WHERE e.has_ended AND last_close.close IS NULL AND k.symbol = e.symbol AND k.minute_at >= e.expires_at
    ORDER BY k.minute_at LIMIT 1
) AS next_open ON true;
