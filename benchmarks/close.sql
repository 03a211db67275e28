-- One row per trade with its decision, number first to last.
-- Parameters: as_of, symbols, first, last.
WITH numbered AS (
    SELECT
        n, n % :symbols AS symbol_no, n / :symbols AS place,
        CASE n / :symbols % 2 WHEN 0 THEN 1 ELSE -1 END AS direction
    FROM generate_series(cast(:first AS bigint), cast(:last AS bigint)) AS n
),
drawn AS (
    SELECT
        'S' || symbol_no || 'USDT-2026-01-05T11:00:00+00:00-' || lpad(to_hex(n), 8, '0') AS trade_id,
        'S' || symbol_no || '/USDT' AS symbol,
        direction,
        cast(:as_of AS timestamptz) - (1 + n % 3600) * interval '1 second' - interval '1 minute' AS opened_at,
        CASE
            WHEN place = 0 THEN cast(:as_of AS timestamptz)
            ELSE cast(:as_of AS timestamptz) + (1 + place % 600) * interval '1 minute'
        END AS expires_at,
        CASE
            WHEN place = 1 THEN 100.05
            WHEN place > 3 THEN 100 - direction * (1 + place * 0.01)
        END AS stop_loss,
        CASE
            WHEN place = 2 THEN 100.05
            WHEN place > 3 THEN 100 + direction * (1 + place * 0.01)
        END AS take_profit,
        CASE WHEN place = 3 OR place % 20 IN (8, 9) THEN 2 END AS trailing_stop_pct,
        CASE
            WHEN place = 3 THEN 98
            WHEN place % 20 IN (8, 9) THEN 100 + direction * (0.2 + place * 0.0001)
        END AS best_price
    FROM numbered
),
decided AS (
    INSERT INTO scorekeeper.decision (
        trade_id, content_sha256, source_name, source_line, received_at, symbol, raw_symbol, action, direction, price,
        opened_at, expires_at, version, stop_loss, take_profit, trailing_stop_pct, reference_price, price_suspect,
        tracked
    )
    SELECT
        trade_id, sha256(cast(trade_id AS bytea)), 'benchmark.jsonl', 1, :as_of, symbol, replace(symbol, '/', ''),
        CASE direction WHEN 1 THEN 'BUY' ELSE 'SELL' END, direction, 100, opened_at, expires_at, 'v1', stop_loss,
        take_profit, trailing_stop_pct, 100, false, true
    FROM drawn
)
INSERT INTO scorekeeper.trade (
    trade_id, symbol, version, direction, entry_price, opened_at, expires_at, stop_loss, take_profit,
    trailing_stop_pct, best_price, fee_bps, scanned
)
SELECT
    trade_id, symbol, 'v1', direction, 100, opened_at, expires_at, stop_loss, take_profit, trailing_stop_pct,
    best_price, 10, true
FROM drawn;
-- One row per symbol and minute of the last two hours. Parameters: as_of, symbols.
INSERT INTO scorekeeper.candle (symbol, minute_at, open, high, low, close, volume)
SELECT
    'S' || n || '/USDT', cast(:as_of AS timestamptz) - minutes_ago * interval '1 minute', 100, 100.1, 99.9, 100, 1
FROM generate_series(0, :symbols - 1) AS n
CROSS JOIN generate_series(1, 120) AS minutes_ago;
-- One row per symbol: the last minute is sealed, and nothing of it has been looked at. Parameters: as_of, symbols.
--
INSERT INTO scorekeeper.candle_coverage (symbol, sealed_from, sealed_until, settled_until, filled_back)
SELECT
    'S' || n || '/USDT', cast(:as_of AS timestamptz) - interval '2 hours', :as_of,
    cast(:as_of AS timestamptz) - interval '1 minute', true
FROM generate_series(0, :symbols - 1) AS n;
