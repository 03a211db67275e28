-- One row per row of the CTE ended, with its columns and the price at ends_at: end_price is the close of the last
-- candle that was complete then (it ended at last_ended_at), else the open of the first later one (of next_minute_at).
-- Null without such a candle, or where has_ended is not true. At an expiry this is the expiry fill: exits, horizon
-- returns, and reference prices that come with one, share it.
-- The CTE ended has symbol, opened_at, ends_at and has_ended (the sealed candles reach the end). The CTE bar has the
-- length of a candle. The columns of ended are not known here (AM04).
SELECT
    e.*, -- noqa: AM04
    coalesce(last_close.close, next_open.open) AS end_price, last_close.ended_at AS last_ended_at,
    next_open.minute_at AS next_minute_at
FROM ended AS e
LEFT JOIN LATERAL (
    SELECT k.close, coalesce(k.ends_at, k.minute_at + (SELECT bar.length FROM bar)) AS ended_at
    FROM scorekeeper.candle AS k
    WHERE
        e.has_ended AND k.symbol = e.symbol
        AND k.minute_at > e.opened_at - (SELECT bar.length FROM bar)
        AND (k.ends_at IS NULL OR k.ends_at > e.opened_at)
        AND k.minute_at < e.ends_at
        AND coalesce(k.ends_at, k.minute_at + (SELECT bar.length FROM bar)) <= e.ends_at
    ORDER BY k.minute_at DESC LIMIT 1
) AS last_close ON true
LEFT JOIN LATERAL (
    SELECT k.open, k.minute_at FROM scorekeeper.candle AS k
    WHERE e.has_ended AND last_close.close IS NULL AND k.symbol = e.symbol AND k.minute_at >= e.ends_at
    ORDER BY k.minute_at LIMIT 1
) AS next_open ON true;
