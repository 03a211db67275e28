-- Candles of any length. Minutes stay the unit of what is sealed; a candle is sealed with its last minute.
ALTER TABLE scorekeeper.market ADD COLUMN candle_seconds integer NOT NULL DEFAULT 60
CONSTRAINT market_candle_seconds_sane CHECK (candle_seconds > 0);
COMMENT ON COLUMN scorekeeper.market.candle_seconds IS
'How long a candle lasts; the longest, where the candles of a calendar differ. Another length is refused.';

-- Null costs no byte. No candle is longer than the market's candle_seconds, which the bounds on minute_at rely on.
ALTER TABLE scorekeeper.candle ADD COLUMN ends_at timestamptz
CONSTRAINT candle_ends_after_it_opens CHECK (ends_at > minute_at);
COMMENT ON TABLE scorekeeper.candle IS 'One row per symbol and sealed candle; never changed once written.';
COMMENT ON COLUMN scorekeeper.candle.minute_at IS 'The candle''s opening.';
COMMENT ON COLUMN scorekeeper.candle.ends_at IS
'When the candle is complete and known, where that is not candle_seconds after its opening (null: it is).';
COMMENT ON TABLE scorekeeper.candle_coverage IS
'One row per symbol: every candle that opens at or after sealed_from and ends at or before sealed_until is sealed; where
there is none, the market had none.';
COMMENT ON COLUMN scorekeeper.candle_coverage.settled_until IS
'Candles that end at or before this have been compared with scanned trades.';

-- A candle without ends_at is as long as those of the market that it came from, so that a switch to another market
-- must keep the length while candles are stored.
CREATE TABLE scorekeeper.candle_length (
    only_row boolean PRIMARY KEY DEFAULT true CONSTRAINT candle_length_is_one_row CHECK (only_row),
    candle_seconds integer NOT NULL
);
COMMENT ON TABLE scorekeeper.candle_length IS
'One row at most: how long the stored candles last. It outlives a switch.';
COMMENT ON COLUMN scorekeeper.candle_length.only_row IS 'Always true.';
COMMENT ON COLUMN scorekeeper.candle_length.candle_seconds IS
'The market''s candle_seconds as the first track with candles found it.';
INSERT INTO scorekeeper.candle_length (candle_seconds)
SELECT 60
WHERE EXISTS (SELECT 1 FROM scorekeeper.candle);

CREATE VIEW scorekeeper.report_candle_length AS
SELECT make_interval(secs => coalesce(max(m.candle_seconds), 60)) AS length
FROM scorekeeper.market AS m;
COMMENT ON VIEW scorekeeper.report_candle_length IS
'One row: how long a candle of this market lasts, at most.';

CREATE TABLE scorekeeper.price_unit (
    symbol text NOT NULL,
    decided_from timestamptz NOT NULL,
    decided_until timestamptz,
    scale double precision NOT NULL,
    PRIMARY KEY (symbol, decided_from),
    CONSTRAINT price_unit_in_order CHECK (decided_from < decided_until),
    CONSTRAINT price_unit_scale_sane CHECK (scale > 0 AND scale < 'infinity')
);
COMMENT ON TABLE scorekeeper.price_unit IS
'One row per symbol and time between two splits: prices decided then are in other units than the candles.';
COMMENT ON COLUMN scorekeeper.price_unit.symbol IS 'Unified symbol.';
COMMENT ON COLUMN scorekeeper.price_unit.decided_from IS 'Prices decided from then on.';
COMMENT ON COLUMN scorekeeper.price_unit.decided_until IS 'Prices decided before then (null: no end).';
COMMENT ON COLUMN scorekeeper.price_unit.scale IS 'Times this, such a price is in the units of the candles.';

CREATE TABLE scorekeeper.price_basis (
    symbol text PRIMARY KEY,
    adjusted_on date NOT NULL
);
COMMENT ON TABLE scorekeeper.price_basis IS
'One row per symbol with splits: the units of its sealed candles, which a later download does not change.';
COMMENT ON COLUMN scorekeeper.price_basis.symbol IS 'Unified symbol.';
COMMENT ON COLUMN scorekeeper.price_basis.adjusted_on IS
'The candles are adjusted for the splits up to this day (0001-01-01: for none).';

ALTER TABLE scorekeeper.decision ADD COLUMN price_scale double precision
CONSTRAINT decision_price_scale_sane CHECK (price_scale > 0 AND price_scale < 'infinity');
COMMENT ON COLUMN scorekeeper.decision.price_scale IS
'Times this, its prices are in the units of the candles, across splits (null: 1). Its trade is in the candles'' units.';

CREATE OR REPLACE VIEW scorekeeper.trade_close AS
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
                        k.symbol = t.symbol
                        AND k.minute_at > t.opened_at - (SELECT l.length FROM scorekeeper.report_candle_length AS l)
                        AND (k.ends_at IS NULL OR k.ends_at > t.opened_at)
                        AND k.minute_at < least(t.exit_time, t.due_at, t.signal_at)
                        AND coalesce(
                            k.ends_at, k.minute_at + (SELECT l.length FROM scorekeeper.report_candle_length AS l)
                        ) <= least(t.exit_time, t.due_at, t.signal_at)
                )
                THEN coalesce(
                    (
                        SELECT k.ends_at FROM scorekeeper.candle AS k
                        WHERE k.symbol = t.symbol AND k.minute_at = t.exit_time
                    ),
                    t.exit_time + (SELECT l.length FROM scorekeeper.report_candle_length AS l)
                )
        END,
        CASE WHEN t.exit_reason = 'signal' THEN date_trunc('minute', t.signal_at) + interval '1 minute' END
    ) AS closed_from
FROM scorekeeper.trade AS t
WHERE t.exit_time IS NOT NULL;
COMMENT ON VIEW scorekeeper.trade_close IS
'One row per closed trade. closed_from: the first minute to which a track would have closed it, within a candle after
exit_time. Without a candle between the opening and the moment that it was due, it closes at the open of the next one,
which is known only after that one. A decision closes at the minute that it lies in, and is known only after it.';

CREATE OR REPLACE VIEW scorekeeper.price_judgement AS
SELECT
    d.trade_id,
    CASE
        WHEN EXISTS (
            SELECT 1 FROM scorekeeper.candle AS k
            WHERE
                k.symbol = d.symbol AND k.minute_at >= d.opened_at - interval '7 days'
                AND k.minute_at < d.opened_at
                AND coalesce(k.ends_at, k.minute_at + (SELECT l.length FROM scorekeeper.report_candle_length AS l))
                <= d.opened_at
        ) THEN d.opened_at
        ELSE (
            SELECT
                coalesce(k.ends_at, k.minute_at + (SELECT l.length FROM scorekeeper.report_candle_length AS l))
            FROM scorekeeper.candle AS k
            WHERE
                k.symbol = d.symbol
                AND k.minute_at > d.opened_at - (SELECT l.length FROM scorekeeper.report_candle_length AS l)
                AND (k.ends_at IS NULL OR k.ends_at > d.opened_at)
            ORDER BY k.minute_at LIMIT 1
        )
    END AS judged_from
FROM scorekeeper.decision AS d;
COMMENT ON VIEW scorekeeper.price_judgement IS
'One row per decision. judged_from: since when the market has had a price to judge its price by (null: it has none): the
last one before the opening, else the first one after.';

CREATE OR REPLACE VIEW scorekeeper.report_trades AS
SELECT
    t.trade_id, t.version, t.symbol, d.bar_interval, CASE t.direction WHEN 1 THEN 'long' ELSE 'short' END AS side,
    d.confidence, t.opened_at, t.exit_time, t.entry_price, t.exit_price, t.exit_reason, t.price_source,
    t.ambiguous_exit, t.pnl_pct, t.net_pnl_pct, t.mfe_pct, t.mae_pct, d.horizon_return_pct,
    cast(extract(EPOCH FROM t.exit_time - t.opened_at) / 60 AS float8) AS hold_time_minutes,
    coalesce(d.price_suspect, false) AS price_suspect, d.late,
    t.direction, t.expires_at, t.exit_known_at,
    (
        SELECT
            coalesce(k.ends_at, k.minute_at + (SELECT l.length FROM scorekeeper.report_candle_length AS l))
        FROM scorekeeper.candle AS k
        WHERE
            k.symbol = t.symbol
            AND k.minute_at > t.opened_at - (SELECT l.length FROM scorekeeper.report_candle_length AS l)
            AND (k.ends_at IS NULL OR k.ends_at > t.opened_at)
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

CREATE OR REPLACE VIEW scorekeeper.report_decisions AS
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
        SELECT
            coalesce(k.ends_at, k.minute_at + (SELECT l.length FROM scorekeeper.report_candle_length AS l))
        FROM scorekeeper.candle AS k
        WHERE
            k.symbol = d.symbol
            AND k.minute_at > d.opened_at - (SELECT l.length FROM scorekeeper.report_candle_length AS l)
            AND (k.ends_at IS NULL OR k.ends_at > d.opened_at)
        ORDER BY k.minute_at LIMIT 1
    ) AS met_at,
    (
        SELECT z.closed_from FROM scorekeeper.trade_close AS z
        WHERE z.trade_id = t.trade_id
    ) AS closed_from,
    (
        SELECT j.judged_from FROM scorekeeper.price_judgement AS j
        WHERE j.trade_id = d.trade_id
    ) AS judged_from,
    d.price_scale
FROM scorekeeper.decision AS d
LEFT JOIN scorekeeper.trade AS t ON d.trade_id = t.trade_id;
COMMENT ON VIEW scorekeeper.report_decisions IS
'One row per decision, traded or not, voided ones included; the columns from entry_price on are of its trade, and null
if it opened none. met_at: when the first candle since its opening was complete. closed_from: the first minute to which
a track would have closed its trade. judged_from: since when its price could be judged. price_scale: what its prices
are multiplied by to be in the units of the candles, across splits (null: 1). reason, raw_symbol, source_name, extra and
notes are strangers'' text.';

CREATE OR REPLACE VIEW scorekeeper.report_candles AS
SELECT
    c.symbol, c.minute_at, c.open, c.high, c.low, c.close, c.volume,
    coalesce(c.ends_at, c.minute_at + (SELECT l.length FROM scorekeeper.report_candle_length AS l)) AS ends_at
FROM scorekeeper.candle AS c;
COMMENT ON VIEW scorekeeper.report_candles IS
'One row per symbol and sealed candle (minute_at: its opening; ends_at: when it was complete). Ask for a symbol and a
period: it is large.';

CREATE OR REPLACE VIEW scorekeeper.report_market AS
SELECT m.name, m.begun_as_of, m.last_as_of, m.settled_as_of, m.candles_from, m.candle_seconds
FROM scorekeeper.market AS m;
COMMENT ON VIEW scorekeeper.report_market IS
'One row at most: the market, how far track has come (last_as_of), from when on candles are kept (null: all are), and
how long a candle lasts at most.';

CREATE OR REPLACE VIEW scorekeeper.report_open_trades AS
SELECT
    t.trade_id, t.version, t.symbol, t.direction, t.entry_price, t.opened_at, t.expires_at, t.stop_loss, t.take_profit,
    t.trailing_stop_pct, t.trailing_level, t.close_requested_at, d.price_suspect,
    m.close AS mark_price, m.mark_at,
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
    SELECT
        c.close,
        coalesce(c.ends_at, c.minute_at + (SELECT l.length FROM scorekeeper.report_candle_length AS l)) AS mark_at
    FROM scorekeeper.candle AS c
    WHERE
        c.symbol = t.symbol
        AND c.minute_at > t.opened_at - (SELECT l.length FROM scorekeeper.report_candle_length AS l)
        AND (c.ends_at IS NULL OR c.ends_at > t.opened_at)
    ORDER BY c.minute_at DESC LIMIT 1
) AS m ON true
WHERE t.exit_time IS NULL;

CREATE OR REPLACE VIEW scorekeeper.report_suspect_prices AS
SELECT
    d.trade_id, d.version, d.symbol, d.action, d.opened_at, d.price, d.reference_price,
    (d.price * coalesce(d.price_scale, 1) - d.reference_price) / d.reference_price * 100 AS deviation_pct,
    d.source_name, d.source_line, d.price_scale
FROM scorekeeper.decision AS d
WHERE d.price_suspect AND d.voided_at IS NULL;

-- CSV files grow too: the endings of the statement select_moved_lines.
DROP INDEX scorekeeper.file_arrival_moved_lines;
CREATE INDEX file_arrival_moved_lines ON scorekeeper.file_arrival (moved_at)
WHERE destination ~* '\.(jsonl|ndjson|jsonlines|csv|tsv)$' AND moved_at IS NOT NULL;
