-- name: count_past
-- One row: how many decisions lie outside a period, and how many within it were voided.
-- Parameters: since, until.
SELECT
    count(*) FILTER (WHERE opened_at < :since OR opened_at >= :until) AS outside,
    count(*) FILTER (WHERE opened_at >= :since AND opened_at < :until AND voided_at IS NOT NULL) AS voided
FROM scorekeeper.decision;


-- name: begin_past
-- One row: sets a period as settings of this transaction, since COPY takes no parameters. Its text keeps doubles exact.
-- Parameters: since, until (as text).
SELECT
    set_config('scorekeeper.since', :since, true),
    set_config('scorekeeper.until', :until, true),
    set_config('extra_float_digits', '1', true),
    set_config('datestyle', 'ISO, YMD', true);


-- name: copy_past_candles
-- One row per sealed candle of a period and the week before it, which may hold the first reference prices.
-- Settings: begin_past.
COPY (
    SELECT k.symbol, k.minute_at, k.open, k.high, k.low, k.close, k.volume, k.ends_at
    FROM scorekeeper.candle AS k
    INNER JOIN scorekeeper.candle_coverage AS c
        ON k.symbol = c.symbol AND k.minute_at >= c.sealed_from AND k.minute_at < c.sealed_until
    WHERE
        k.minute_at >= cast(current_setting('scorekeeper.since') AS timestamptz) - interval '7 days'
        AND k.minute_at < cast(current_setting('scorekeeper.until') AS timestamptz)
        AND coalesce(k.ends_at, k.minute_at + (SELECT l.length FROM scorekeeper.report_candle_length AS l))
        <= cast(current_setting('scorekeeper.until') AS timestamptz)
) TO STDOUT;


-- name: copy_candles
-- One row per candle of another database.
COPY scorekeeper.candle (symbol, minute_at, open, high, low, close, volume, ends_at) FROM STDIN;


-- name: select_past_coverage
-- One row per symbol with sealed minutes in a period or the week before it: the range that would have been sealed at
-- the end of the period, by a later candle or by the grace.
-- Parameters: since, until, grace_minutes.
WITH sealed AS (
    SELECT
        c.symbol, greatest(c.sealed_from, cast(:since AS timestamptz) - interval '7 days') AS sealed_from,
        least(
            c.sealed_until,
            greatest(
                cast(:until AS timestamptz) - make_interval(mins => :grace_minutes),
                last.ended_at
            )
        ) AS sealed_until,
        c.filled_back
    FROM scorekeeper.candle_coverage AS c
    LEFT JOIN LATERAL (
        SELECT coalesce(k.ends_at, k.minute_at + l.length) AS ended_at
        FROM scorekeeper.candle AS k CROSS JOIN scorekeeper.report_candle_length AS l
        WHERE
            k.symbol = c.symbol AND k.minute_at < least(c.sealed_until, cast(:until AS timestamptz))
            AND coalesce(k.ends_at, k.minute_at + l.length) <= least(c.sealed_until, cast(:until AS timestamptz))
        ORDER BY k.minute_at DESC LIMIT 1
    ) AS last ON true
)
SELECT symbol, sealed_from, sealed_until, filled_back
FROM sealed
WHERE sealed_from < sealed_until
ORDER BY symbol;


-- name: count_still_open
-- One row: how many trades are open at as_of, and how many of them are due but have no price. Parameter: as_of.
SELECT count(*) AS open_trades, count(*) FILTER (WHERE least(due_at, signal_at) <= :as_of) AS overdue
FROM scorekeeper.trade
WHERE exit_time IS NULL AND opened_at <= :as_of;


-- name: select_symbols_without_candles
-- One row per symbol with decisions and without candles, in order.
SELECT DISTINCT d.symbol
FROM scorekeeper.decision AS d
WHERE
    NOT EXISTS (
        SELECT 1 FROM scorekeeper.candle AS c
        WHERE c.symbol = d.symbol
    )
ORDER BY d.symbol;
