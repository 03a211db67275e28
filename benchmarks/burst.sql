-- One row per decision, number first to last, with what five agents said and its line to publish; 29 of 40 opened a
-- trade. Each is due at as_of: by expiry, by its target or by its stop. Parameters: as_of, symbols, first, last.
WITH drawn AS MATERIALIZED (
    SELECT
        n, 'S' || n % :symbols || 'USDT-' || lpad(to_hex(n), 8, '0') AS trade_id,
        'S' || n % :symbols || '/USDT' AS symbol,
        CASE WHEN n % 40 >= 29 THEN 0 WHEN n % 2 = 0 THEN 1 ELSE -1 END AS direction,
        cast(:as_of AS timestamptz) - interval '90 minutes' - (n % 1800) * interval '1 second' AS opened_at,
        n % 3 AS way
    FROM generate_series(cast(:first AS bigint), cast(:last AS bigint)) AS n
),
decided AS (
    INSERT INTO scorekeeper.decision (
        trade_id, content_sha256, source_name, source_line, received_at, symbol, raw_symbol, bar_interval, action,
        direction, price, confidence, reason, opened_at, expires_at, version, stop_loss, take_profit
    )
    SELECT
        trade_id, sha256(cast(trade_id AS bytea)), 'benchmark.jsonl', 1, opened_at, symbol, symbol, '1h',
        CASE direction WHEN 1 THEN 'BUY' WHEN -1 THEN 'SELL' ELSE 'HOLD' END, direction,
        CASE WHEN direction <> 0 THEN 100 END, 50 + n % 50, 'Strong signals across multiple indicators', opened_at,
        opened_at + interval '1 hour', 'v1', CASE WHEN way = 1 AND direction <> 0 THEN 100 - direction * 0.05 END,
        CASE WHEN way = 2 AND direction <> 0 THEN 100 + direction * 0.05 END
    FROM drawn
),
said AS (
    INSERT INTO scorekeeper.agent_signal (trade_id, agent, ordinal, signal, direction, confidence)
    SELECT trade_id, 'Agent' || a, a, 'BUY', 1, (n * (a + 7)) % 101
    FROM drawn CROSS JOIN generate_series(0, 4) AS a
),
traded AS (
    INSERT INTO scorekeeper.trade (
        trade_id, symbol, version, direction, entry_price, opened_at, expires_at, stop_loss, take_profit, fee_bps
    )
    SELECT
        trade_id, symbol, 'v1', direction, 100, opened_at, opened_at + interval '1 hour',
        CASE WHEN way = 1 THEN 100 - direction * 0.05 END, CASE WHEN way = 2 THEN 100 + direction * 0.05 END, 10
    FROM drawn
    WHERE direction <> 0
)
INSERT INTO scorekeeper.event (kind, trade_id)
SELECT 'decision', trade_id FROM drawn;
-- One row per symbol and minute of the last three hours; every tenth minute reaches stops and targets.
-- Parameters: as_of, symbols.
INSERT INTO scorekeeper.candle (symbol, minute_at, open, high, low, close, volume)
SELECT
    'S' || n || '/USDT', cast(:as_of AS timestamptz) - minutes_ago * interval '1 minute', 100,
    100 + CASE WHEN minutes_ago % 10 = 0 THEN 0.1 ELSE 0.01 END,
    100 - CASE WHEN minutes_ago % 10 = 0 THEN 0.1 ELSE 0.01 END, 100 + 0.001 * (minutes_ago % 7), 1
FROM generate_series(0, :symbols - 1) AS n
CROSS JOIN generate_series(1, 180) AS minutes_ago;
-- One row per symbol: all minutes are sealed, and nothing of them has been looked at. Parameters: as_of, symbols.
INSERT INTO scorekeeper.candle_coverage (symbol, sealed_from, sealed_until, settled_until, filled_back)
SELECT
    'S' || n || '/USDT', cast(:as_of AS timestamptz) - interval '3 hours', :as_of,
    cast(:as_of AS timestamptz) - interval '3 hours', true
FROM generate_series(0, :symbols - 1) AS n;
