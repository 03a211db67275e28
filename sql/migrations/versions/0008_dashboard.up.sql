-- What the dashboard reads, by the rights of a reader: views, and indexes for its lists. No table changes.

-- A list is a page of an index: by time within a version or a symbol, and by what was won. Closed trades alone are in
-- them, so that ingest does not see them.
CREATE INDEX trade_by_version_exit ON scorekeeper.trade (version, exit_time, trade_id) WHERE exit_time IS NOT NULL;
CREATE INDEX trade_by_symbol_exit ON scorekeeper.trade (symbol, exit_time, trade_id) WHERE exit_time IS NOT NULL;
CREATE INDEX trade_by_pnl ON scorekeeper.trade (pnl_pct, trade_id) WHERE exit_time IS NOT NULL;
CREATE INDEX trade_by_net_pnl ON scorekeeper.trade (net_pnl_pct, trade_id) WHERE exit_time IS NOT NULL;

-- The views of a reader ask it for the one row that they need, so that the rule stands once.
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

CREATE OR REPLACE VIEW scorekeeper.report_trades AS
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

CREATE OR REPLACE VIEW scorekeeper.report_daily_scores AS
SELECT
    s.day, s.version, s.symbol, s.after_fees, s.trades AS completed_trades, s.winners AS profitable_trades,
    s.losers AS losing_trades, s.trades - s.winners - s.losers AS breakeven_trades,
    cast(100 AS float8) * s.winners / s.trades AS win_rate,
    cast(s.sum_winners_pct / nullif(s.winners, 0) AS float8) AS avg_profit_pct,
    cast(s.sum_losers_pct / nullif(s.losers, 0) AS float8) AS avg_loss_pct,
    cast(s.sum_pct AS float8) AS total_pnl_pct,
    cast(s.sum_pct / s.trades AS float8) AS expectancy_pct,
    cast(s.sum_winners_pct / -nullif(s.sum_losers_pct, 0) AS float8) AS profit_factor,
    cast(s.hold_seconds / 60 / s.trades AS float8) AS avg_hold_minutes,
    cast(s.sum_mfe_pct / s.trades AS float8) AS avg_mfe_pct,
    cast(s.sum_mae_pct / s.trades AS float8) AS avg_mae_pct,
    cast(s.path_high_pct AS float8) AS path_high_pct, cast(s.path_low_pct AS float8) AS path_low_pct,
    cast(s.path_fall_pct AS float8) AS path_fall_pct
FROM scorekeeper.daily_score AS s;
COMMENT ON VIEW scorekeeper.report_daily_scores IS
'One row per UTC exit day, version and symbol (null: all) and basis; no row for a day without closed trades. path_: the
highest and lowest running sum of P&L within the day, which starts at 0, and its largest fall.';

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

CREATE VIEW scorekeeper.report_agent_signals AS
SELECT s.trade_id, s.agent, s.ordinal, s.signal, s.direction, s.confidence, s.understood, s.extra
FROM scorekeeper.agent_signal AS s;
COMMENT ON VIEW scorekeeper.report_agent_signals IS
'One row per decision and agent: what it said, and how that is read (+1, -1, 0). Names and words are strangers'' text.';

CREATE VIEW scorekeeper.report_candles AS
SELECT c.symbol, c.minute_at, c.open, c.high, c.low, c.close, c.volume
FROM scorekeeper.candle AS c;
COMMENT ON VIEW scorekeeper.report_candles IS
'One row per symbol and sealed minute (minute_at: its opening). Ask for a symbol and a period: it is large.';

CREATE VIEW scorekeeper.report_candle_revisions AS
SELECT r.symbol, r.minute_at, r.seen_at, r.open, r.high, r.low, r.close, r.volume
FROM scorekeeper.candle_revision AS r;
COMMENT ON VIEW scorekeeper.report_candle_revisions IS
'One row per candle that came too late for its sealed minute: kept, used for nothing.';

CREATE VIEW scorekeeper.report_analyses AS
SELECT a.as_of, a.version, a.document
FROM scorekeeper.analysis AS a;
COMMENT ON VIEW scorekeeper.report_analyses IS
'One row per run of analyze and version (null: all), with the whole document: intervals, comparisons, verdicts.';

CREATE VIEW scorekeeper.report_scorecards AS
SELECT s.version, s.as_of, s.answer
FROM scorekeeper.scorecard AS s
WHERE NOT s.outdated;
COMMENT ON VIEW scorekeeper.report_scorecards IS
'One row per version (null: all): the answer of metrics at the last track, whole, as JSON; none where a release has
changed a figure, until the next track.';

CREATE VIEW scorekeeper.report_daily_pieces AS
SELECT
    s.day, s.version, s.symbol, s.after_fees, s.trades, s.winners, s.losers, s.sum_pct, s.sum_squares,
    s.sum_winners_pct, s.sum_losers_pct, s.hold_seconds, s.hold_seconds_winners, s.hold_seconds_losers, s.sum_mfe_pct,
    s.sum_mae_pct, s.sum_given_back_pct, s.path_high_pct, s.path_high_at, s.path_low_pct, s.path_fall_pct,
    s.first_exit_at, s.leading_wins, s.trailing_wins, s.longest_wins, s.leading_losses, s.trailing_losses,
    s.longest_losses
FROM scorekeeper.daily_score AS s;
COMMENT ON VIEW scorekeeper.report_daily_pieces IS
'One row as report_daily_scores: the exact sums and path pieces that figures of any period are composed from.';

CREATE VIEW scorekeeper.report_agent_daily_pieces AS
SELECT
    s.day, s.version, s.symbol, s.agent, s.signals, s.calls, s.correct, s.incorrect, s.sum_call_return_pct,
    s.brier_calls, s.sum_brier, s.bin_calls, s.bin_correct, s.bin_confidence, s.supported_winners, s.supported_losers,
    s.opposed_winners, s.opposed_losers, s.abstained_winners, s.abstained_losers
FROM scorekeeper.agent_daily_score AS s;
COMMENT ON VIEW scorekeeper.report_agent_daily_pieces IS
'One row as report_agent_daily_scores: the exact sums that an agent''s figures of any period are composed from.';

CREATE VIEW scorekeeper.report_rejections AS
SELECT r.rejection_id, r.source_name, r.line, r.field, r.reason, r.excerpt, r.rejected_at
FROM scorekeeper.rejection AS r;
COMMENT ON VIEW scorekeeper.report_rejections IS
'One row per refused decision (line 0: the whole file). Names, reasons and excerpts are strangers'' text.';

CREATE VIEW scorekeeper.report_coverage AS
SELECT c.symbol, c.sealed_from, c.sealed_until, p.kind AS trouble, p.says, p.noted_at
FROM scorekeeper.candle_coverage AS c
FULL JOIN scorekeeper.price_trouble AS p ON c.symbol = p.symbol COLLATE "default";
COMMENT ON VIEW scorekeeper.report_coverage IS
'One row per symbol: from when to when its minutes are sealed (null: none is), and what is wrong with its prices (null:
nothing).';

CREATE VIEW scorekeeper.report_alerts AS
SELECT a.name, a.subject, a.begun_at
FROM scorekeeper.alert AS a;
COMMENT ON VIEW scorekeeper.report_alerts IS
'One row per condition that holds; subject: the symbol, empty for the whole installation.';

CREATE VIEW scorekeeper.report_market AS
SELECT m.name, m.begun_as_of, m.last_as_of, m.settled_as_of, m.candles_from
FROM scorekeeper.market AS m;
COMMENT ON VIEW scorekeeper.report_market IS
'One row at most: the market, how far track has come (last_as_of), and from when on candles are kept (null: all are).';

CREATE VIEW scorekeeper.report_status AS
WITH published AS (
    SELECT max(e.event_id) AS event_id FROM scorekeeper.event AS e
),
refused AS (
    SELECT max(r.rejection_id) AS rejection_id FROM scorekeeper.rejection AS r
),
analysed AS (
    SELECT max(a.as_of) AS as_of, max(a.known_event_id) AS known_event_id FROM scorekeeper.analysis AS a
    WHERE a.version IS NULL
),
stale AS (
    SELECT count(*) AS days FROM scorekeeper.stale_day
),
-- What a track has not looked at yet: decisions that are new, and those whose close was asked for.
near AS (
    SELECT d.opened_at FROM scorekeeper.decision AS d
    WHERE NOT d.tracked
    ORDER BY d.opened_at DESC LIMIT 100
),
waiting AS (
    SELECT count(*) AS decisions, max(near.opened_at) AS latest FROM near
),
holding AS (
    SELECT count(*) AS alerts, max(g.begun_at) AS begun_at FROM scorekeeper.alert AS g
),
troubled AS (
    SELECT count(*) AS symbols, max(p.noted_at) AS noted_at FROM scorekeeper.price_trouble AS p
)
SELECT
    md5(concat_ws(
        ' ', m.name, m.begun_as_of, m.last_as_of, m.settled_as_of, m.candles_from, published.event_id,
        refused.rejection_id, analysed.as_of, analysed.known_event_id, stale.days, waiting.decisions, waiting.latest,
        holding.alerts, holding.begun_at, troubled.symbols, troubled.noted_at
    )) AS token,
    m.name AS market, m.last_as_of, m.settled_as_of, m.candles_from, analysed.as_of AS analysed_at, holding.alerts,
    stale.days AS stale_days
FROM published
CROSS JOIN refused
CROSS JOIN analysed
CROSS JOIN stale
CROSS JOIN waiting
CROSS JOIN holding
CROSS JOIN troubled
LEFT JOIN scorekeeper.market AS m ON true;
COMMENT ON VIEW scorekeeper.report_status IS
'One row: token, which changes with all that a reader could see (compare it, it means nothing), the market, how far
track and analyze have come, conditions that hold, and days whose rollup is to be made again.';
