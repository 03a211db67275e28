-- name: create_incoming_candles
-- One row per candle of the page that is being stored; dropped when the transaction ends.
CREATE TEMPORARY TABLE IF NOT EXISTS incoming_candle (
    symbol text NOT NULL,
    minute_at timestamptz NOT NULL,
    open double precision NOT NULL,
    high double precision NOT NULL,
    low double precision NOT NULL,
    close double precision NOT NULL,
    volume double precision NOT NULL,
    ends_at timestamptz
) ON COMMIT DROP;

-- name: copy_incoming_candles
-- One row per candle of the page. ends_at is null where a candle has the market's length.
COPY incoming_candle (symbol, minute_at, open, high, low, close, volume, ends_at) FROM STDIN WITH (FORMAT "binary");

-- name: select_is_new_symbol
-- One row: whether nothing is stored of a symbol (is_new), and how long the market's candles are (length).
-- Parameter: symbol.
SELECT
    NOT EXISTS (
        SELECT 1 FROM scorekeeper.candle_coverage AS c
        WHERE c.symbol = :symbol
    )
    AND NOT EXISTS (
        SELECT 1 FROM scorekeeper.candle AS k
        WHERE k.symbol = :symbol
    ) AS is_new,
    (SELECT l.length FROM scorekeeper.report_candle_length AS l) AS length;

-- name: copy_candles
-- One row per candle of a symbol of which nothing is stored.
COPY scorekeeper.candle (symbol, minute_at, open, high, low, close, volume, ends_at) FROM STDIN WITH (FORMAT "binary");

-- name: insert_revisions
-- One row per candle of already sealed minutes that differs from the stored candle, or has none: it is stored apart,
-- and used for nothing. Parameter: as_of.
INSERT INTO scorekeeper.candle_revision (symbol, minute_at, seen_at, open, high, low, close, volume)
SELECT i.symbol, i.minute_at, :as_of, i.open, i.high, i.low, i.close, i.volume
FROM incoming_candle AS i
INNER JOIN scorekeeper.candle_coverage AS c
    ON i.symbol = c.symbol AND i.minute_at >= c.sealed_from AND i.minute_at < c.sealed_until
LEFT JOIN scorekeeper.candle AS k ON i.symbol = k.symbol AND i.minute_at = k.minute_at
WHERE
    coalesce(i.ends_at, i.minute_at + (SELECT l.length FROM scorekeeper.report_candle_length AS l)) <= c.sealed_until
    AND (i.open, i.high, i.low, i.close, i.volume) IS DISTINCT FROM (k.open, k.high, k.low, k.close, k.volume)
    AND NOT EXISTS (
        SELECT 1 FROM scorekeeper.candle_revision AS r
        WHERE
            r.symbol = i.symbol AND r.minute_at = i.minute_at
            AND (r.open, r.high, r.low, r.close, r.volume) = (i.open, i.high, i.low, i.close, i.volume)
    )
ON CONFLICT DO NOTHING;

-- name: insert_candles
-- One row per newly sealed candle. Parameters: sealed_from, sealed_until (of the page: candles that end outside are not
-- stored).
INSERT INTO scorekeeper.candle (symbol, minute_at, open, high, low, close, volume, ends_at)
SELECT i.symbol, i.minute_at, i.open, i.high, i.low, i.close, i.volume, i.ends_at
FROM incoming_candle AS i
CROSS JOIN scorekeeper.report_candle_length AS l
LEFT JOIN scorekeeper.candle_coverage AS c ON i.symbol = c.symbol
WHERE
    coalesce(i.ends_at, i.minute_at + l.length) > :sealed_from
    AND coalesce(i.ends_at, i.minute_at + l.length) <= :sealed_until
    AND (
        c.symbol IS NULL OR i.minute_at < c.sealed_from
        OR coalesce(i.ends_at, i.minute_at + l.length) > c.sealed_until
    )
ON CONFLICT (symbol, minute_at) DO NOTHING;

-- name: extend_coverage
-- One row: the sealed range of a symbol, which only grows and stays one piece. Parameters: symbol, sealed_from,
-- sealed_until, filled_back (null: as it was).
INSERT INTO scorekeeper.candle_coverage AS c (symbol, sealed_from, sealed_until, settled_until, filled_back)
VALUES (:symbol, :sealed_from, :sealed_until, :sealed_from, coalesce(cast(:filled_back AS boolean), true))
ON CONFLICT (symbol) DO UPDATE SET
    sealed_from = least(c.sealed_from, excluded.sealed_from),
    sealed_until = greatest(c.sealed_until, excluded.sealed_until),
    filled_back = coalesce(cast(:filled_back AS boolean), c.filled_back)
WHERE excluded.sealed_from <= c.sealed_until AND excluded.sealed_until >= c.sealed_from;

-- name: mark_filled_back
-- At most one row: a symbol's back-fill is complete. Parameter: symbol.
UPDATE scorekeeper.candle_coverage
SET filled_back = true
WHERE symbol = :symbol AND NOT filled_back;

-- name: restart_coverage
-- At most one row: the sealed range of a symbol begins again at a later minute, because the market no longer keeps the
-- candles in between. Trades opened before it stay open. Parameters: symbol, start.
UPDATE scorekeeper.candle_coverage
SET
    sealed_from = :start, sealed_until = :start, settled_until = :start, filled_back = true,
    settled_from = :start, settled_filled_back = true
WHERE symbol = :symbol AND sealed_until < :start;

-- name: ensure_candle_partition
-- One row: makes the candle partition of a month, unless it is there. Parameters: year, month.
SELECT scorekeeper.ensure_candle_partition(:year, :month);
