DROP VIEW scorekeeper.report_suspect_prices;
DROP VIEW scorekeeper.report_trades;
DROP VIEW scorekeeper.report_decisions;
DROP VIEW scorekeeper.report_open_trades;
DROP VIEW scorekeeper.report_candles;
DROP VIEW scorekeeper.report_market;
DROP VIEW scorekeeper.price_judgement;
DROP VIEW scorekeeper.trade_close;
DROP VIEW scorekeeper.report_candle_length;
DROP TABLE scorekeeper.candle_length;
DROP TABLE scorekeeper.price_unit;
DROP TABLE scorekeeper.price_basis;
ALTER TABLE scorekeeper.decision DROP COLUMN price_scale;
ALTER TABLE scorekeeper.candle DROP COLUMN ends_at;
ALTER TABLE scorekeeper.market DROP COLUMN candle_seconds;

CREATE VIEW scorekeeper.trade_close AS
SELECT
    t.trade_id,
    greatest(
        t.exit_time,
        CASE
            WHEN
                t.price_source = 'market'
                AND NOT EXISTS (
                    SELECT 1 FROM scorekeeper.candle AS k
                    WHERE
                        k.symbol = t.symbol AND k.minute_at > t.opened_at - interval '1 minute'
                        AND k.minute_at <= least(t.exit_time, t.due_at, t.signal_at) - interval '1 minute'
                )
                THEN t.exit_time + interval '1 minute'
        END,
        CASE WHEN t.exit_reason = 'signal' THEN date_trunc('minute', t.signal_at) + interval '1 minute' END
    ) AS closed_from
FROM scorekeeper.trade AS t
WHERE t.exit_time IS NOT NULL;
COMMENT ON VIEW scorekeeper.trade_close IS
'One row per closed trade. closed_from: the first minute to which a track would have closed it, within a minute after
exit_time. Without a candle between the opening and the moment that it was due, it closes at the open of the next one,
which is known only after that one. A decision closes at the minute that it lies in, and is known only after it.';

CREATE VIEW scorekeeper.price_judgement AS
SELECT
    d.trade_id,
    CASE
        WHEN EXISTS (
            SELECT 1 FROM scorekeeper.candle AS k
            WHERE
                k.symbol = d.symbol AND k.minute_at >= d.opened_at - interval '7 days'
                AND k.minute_at <= d.opened_at - interval '1 minute'
        ) THEN d.opened_at
        ELSE (
            SELECT k.minute_at + interval '1 minute' FROM scorekeeper.candle AS k
            WHERE k.symbol = d.symbol AND k.minute_at > d.opened_at - interval '1 minute'
            ORDER BY k.minute_at LIMIT 1
        )
    END AS judged_from
FROM scorekeeper.decision AS d;
COMMENT ON VIEW scorekeeper.price_judgement IS
'One row per decision. judged_from: since when the market has had a price to judge its price by (null: it has none): the
last one before the opening, else the first one after.';

CREATE VIEW scorekeeper.report_trades AS
SELECT
    t.trade_id, t.version, t.symbol, d.bar_interval, CASE t.direction WHEN 1 THEN 'long' ELSE 'short' END AS side,
    d.confidence, t.opened_at, t.exit_time, t.entry_price, t.exit_price, t.exit_reason, t.price_source,
    t.ambiguous_exit, t.pnl_pct, t.net_pnl_pct, t.mfe_pct, t.mae_pct, d.horizon_return_pct,
    cast(extract(EPOCH FROM t.exit_time - t.opened_at) / 60 AS float8) AS hold_time_minutes,
    coalesce(d.price_suspect, false) AS price_suspect, d.late,
    t.direction, t.expires_at, t.exit_known_at,
    (
        SELECT k.minute_at + interval '1 minute' FROM scorekeeper.candle AS k
        WHERE k.symbol = t.symbol AND k.minute_at > t.opened_at - interval '1 minute'
        ORDER BY k.minute_at LIMIT 1
    ) AS met_at,
    (
        SELECT z.closed_from FROM scorekeeper.trade_close AS z
        WHERE z.trade_id = t.trade_id
    ) AS closed_from,
    (
        SELECT j.judged_from FROM scorekeeper.price_judgement AS j
        WHERE j.trade_id = d.trade_id
    ) AS judged_from
FROM scorekeeper.trade AS t
INNER JOIN scorekeeper.decision AS d ON t.trade_id = d.trade_id
WHERE t.exit_time IS NOT NULL AND d.voided_at IS NULL;
COMMENT ON VIEW scorekeeper.report_trades IS
'One row per closed trade, without voided ones. Figures leave out those whose price is suspect unless asked for. met_at:
when the first candle since its opening was complete (null: none is, or it was given up). closed_from: the first minute
to which a track would have closed it. judged_from: since when its price could be judged.';

CREATE VIEW scorekeeper.report_decisions AS
SELECT
    d.trade_id, d.version, d.symbol, d.raw_symbol, d.bar_interval, d.action, d.direction, d.understood, d.price,
    d.confidence, d.opened_at, d.expires_at, d.received_at, d.late, d.reason, d.stop_loss, d.take_profit,
    d.trailing_stop_pct, d.position_size, d.source_name, d.source_line, d.extra, d.notes, d.reference_price,
    d.price_suspect, d.horizon_price, d.horizon_return_pct, d.horizon_known_at, d.voided_at, d.void_reason,
    t.trade_id IS NOT NULL AS opened_trade, t.entry_price, t.fee_bps, t.best_price, t.trailing_level,
    t.close_requested_at, t.signal_at, t.signal_id, t.exit_time, t.exit_price, t.exit_reason, t.exit_known_at,
    t.price_source, t.price_age_seconds, t.ambiguous_exit, t.pnl_pct, t.net_pnl_pct, t.mfe_pct, t.mae_pct,
    cast(extract(EPOCH FROM t.exit_time - t.opened_at) / 60 AS float8) AS hold_time_minutes,
    (
        SELECT k.minute_at + interval '1 minute' FROM scorekeeper.candle AS k
        WHERE k.symbol = d.symbol AND k.minute_at > d.opened_at - interval '1 minute'
        ORDER BY k.minute_at LIMIT 1
    ) AS met_at,
    (
        SELECT z.closed_from FROM scorekeeper.trade_close AS z
        WHERE z.trade_id = t.trade_id
    ) AS closed_from,
    (
        SELECT j.judged_from FROM scorekeeper.price_judgement AS j
        WHERE j.trade_id = d.trade_id
    ) AS judged_from
FROM scorekeeper.decision AS d
LEFT JOIN scorekeeper.trade AS t ON d.trade_id = t.trade_id;
COMMENT ON VIEW scorekeeper.report_decisions IS
'One row per decision, traded or not, voided ones included; the columns from entry_price on are of its trade, and null
if it opened none. met_at: when the first candle since its opening was complete. closed_from: the first minute to which
a track would have closed its trade. judged_from: since when its price could be judged. reason, raw_symbol, source_name,
extra and notes are strangers'' text.';

CREATE VIEW scorekeeper.report_candles AS
SELECT c.symbol, c.minute_at, c.open, c.high, c.low, c.close, c.volume
FROM scorekeeper.candle AS c;
COMMENT ON VIEW scorekeeper.report_candles IS
'One row per symbol and sealed minute (minute_at: its opening). Ask for a symbol and a period: it is large.';

CREATE VIEW scorekeeper.report_market AS
SELECT m.name, m.begun_as_of, m.last_as_of, m.settled_as_of, m.candles_from
FROM scorekeeper.market AS m;
COMMENT ON VIEW scorekeeper.report_market IS
'One row at most: the market, how far track has come (last_as_of), and from when on candles are kept (null: all are).';

CREATE VIEW scorekeeper.report_open_trades AS
SELECT
    t.trade_id, t.version, t.symbol, t.direction, t.entry_price, t.opened_at, t.expires_at, t.stop_loss, t.take_profit,
    t.trailing_stop_pct, t.trailing_level, t.close_requested_at, d.price_suspect,
    m.close AS mark_price, m.minute_at + interval '1 minute' AS mark_at,
    t.direction * (m.close - t.entry_price) / t.entry_price * 100 AS pnl_pct,
    cast(extract(EPOCH FROM b.last_as_of - t.opened_at) / 60 AS float8) AS age_minutes,
    cast(extract(EPOCH FROM t.due_at - b.last_as_of) / 60 AS float8) AS minutes_to_expiry,
    t.direction * (m.close - CASE t.direction
        WHEN 1 THEN greatest(t.stop_loss, t.trailing_level)
        ELSE least(t.stop_loss, t.trailing_level)
    END) / m.close * 100 AS distance_to_stop_pct,
    t.direction * (t.take_profit - m.close) / m.close * 100 AS distance_to_target_pct
FROM scorekeeper.trade AS t
INNER JOIN scorekeeper.decision AS d ON t.trade_id = d.trade_id AND d.voided_at IS NULL
LEFT JOIN scorekeeper.market AS b ON true
LEFT JOIN LATERAL (
    SELECT c.close, c.minute_at
    FROM scorekeeper.candle AS c
    WHERE c.symbol = t.symbol AND c.minute_at > t.opened_at - interval '1 minute'
    ORDER BY c.minute_at DESC LIMIT 1
) AS m ON true
WHERE t.exit_time IS NULL;
COMMENT ON VIEW scorekeeper.report_open_trades IS
'One row per open trade at the last as_of of track: last mark (null: no price since entry), age, time to expiry, and how
far (percent of the mark, negative: beyond) stop and target are.';

CREATE VIEW scorekeeper.report_suspect_prices AS
SELECT
    d.trade_id, d.version, d.symbol, d.action, d.opened_at, d.price, d.reference_price,
    (d.price - d.reference_price) / d.reference_price * 100 AS deviation_pct, d.source_name, d.source_line
FROM scorekeeper.decision AS d
WHERE d.price_suspect AND d.voided_at IS NULL;
COMMENT ON VIEW scorekeeper.report_suspect_prices IS
'One row per decision whose price is too far from the market''s: kept, and left out of metrics unless asked for.';

DROP INDEX scorekeeper.file_arrival_moved_lines;
CREATE INDEX file_arrival_moved_lines ON scorekeeper.file_arrival (moved_at)
WHERE destination ~* '\.(jsonl|ndjson|jsonlines)$' AND moved_at IS NOT NULL;
