-- One row per closed trade, number first to last, with its decision, its line, and what five agents had said of it. The
-- later the number, the earlier it closed.
-- Parameters: as_of, prefix, first, last, seconds_apart.
WITH drawn AS MATERIALIZED (
    SELECT
        n, cast(:prefix AS text) || lpad(to_hex(n), 8, '0') AS trade_id,
        'S' || n % 10 || '/USDT' AS symbol, 'v' || n % 2 AS version,
        CASE n % 3 WHEN 0 THEN 1 ELSE -1 END AS direction,
        cast(:as_of AS timestamptz) - n * cast(:seconds_apart AS float8) * interval '1 second' AS exit_time,
        random_normal(0.02, 1) AS pnl
    FROM generate_series(cast(:first AS bigint), cast(:last AS bigint)) AS n
),
decided AS (
    INSERT INTO scorekeeper.decision (
        trade_id, content_sha256, source_name, source_line, received_at, symbol, raw_symbol, bar_interval, action,
        direction, price, confidence, opened_at, expires_at, version, reference_price, price_suspect, horizon_price,
        horizon_return_pct, horizon_known_at, tracked
    )
    SELECT
        trade_id, '', 'benchmark.jsonl', 1, exit_time - interval '1 hour', symbol, symbol, '1h',
        CASE direction WHEN 1 THEN 'BUY' ELSE 'SELL' END, direction, 100, 50 + n % 50, exit_time - interval '1 hour',
        exit_time, version, 100, false, 100 + direction * pnl, direction * pnl, exit_time, true
    FROM drawn
),
said AS (
    INSERT INTO scorekeeper.agent_signal (trade_id, agent, ordinal, signal, direction, confidence)
    SELECT
        trade_id, 'Agent' || a, a, 'BUY', (n / (a + 1)) % 3 - 1, (n * (a + 7)) % 101
    FROM drawn CROSS JOIN generate_series(0, 4) AS a
),
traded AS (
    INSERT INTO scorekeeper.trade (
        trade_id, symbol, version, direction, entry_price, opened_at, expires_at, fee_bps, scanned, exit_time,
        exit_price, exit_reason, exit_known_at, price_source, ambiguous_exit, pnl_pct, net_pnl_pct, mfe_pct, mae_pct
    )
    SELECT
        trade_id, symbol, version, direction, 100, exit_time - interval '1 hour', exit_time, 10, true, exit_time,
        100 + direction * pnl, 'expired', exit_time, 'market', false, pnl, pnl - 0.1 * (2 + direction * pnl / 100),
        greatest(pnl, 0), least(pnl, 0)
    FROM drawn
)
INSERT INTO scorekeeper.event (kind, trade_id)
SELECT 'outcome', trade_id FROM drawn;
-- One row per UTC day with closed trades, to be scored.
INSERT INTO scorekeeper.stale_day (kind, day)
SELECT kind, day
FROM (SELECT DISTINCT cast(exit_time AT TIME ZONE 'UTC' AS date) AS day FROM scorekeeper.trade) AS d
CROSS JOIN (VALUES ('system'), ('agent')) AS k (kind);
-- One row per UTC day of the new closes, to be scored. Parameter: as_of.
INSERT INTO scorekeeper.stale_day (kind, day)
SELECT kind, day
FROM (
    SELECT DISTINCT cast(exit_time AT TIME ZONE 'UTC' AS date) AS day FROM scorekeeper.trade
    WHERE exit_time > cast(:as_of AS timestamptz) - interval '1 hour'
) AS d
CROSS JOIN (VALUES ('system'), ('agent')) AS k (kind);
