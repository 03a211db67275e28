-- The terms of a market and of its trades: when it is open, what a trade costs beside its fee, how large it is.
ALTER TABLE scorekeeper.market ADD COLUMN calendar text;
COMMENT ON COLUMN scorekeeper.market.calendar IS
'Name of the calendar of its sessions, such as XNYS, as the first track bound it; null: it never closes.';

ALTER TABLE scorekeeper.trade
ADD COLUMN entry_fee_bps double precision,
ADD COLUMN target_fee_bps double precision,
ADD COLUMN share_fee_pct double precision,
ADD COLUMN min_fee double precision,
ADD COLUMN spread_bps double precision,
ADD COLUMN funding_bps_per_day double precision,
ADD COLUMN position_value double precision,
ADD CONSTRAINT trade_costs_finite CHECK (
    abs(entry_fee_bps) < 'infinity' AND abs(target_fee_bps) < 'infinity' AND abs(funding_bps_per_day) < 'infinity'
    AND share_fee_pct >= 0 AND share_fee_pct < 'infinity' AND min_fee >= 0 AND min_fee < 'infinity'
    AND spread_bps >= 0 AND spread_bps < 'infinity'
),
ADD CONSTRAINT trade_position_value_positive CHECK (position_value > 0 AND position_value < 'infinity');
COMMENT ON COLUMN scorekeeper.trade.entry_fee_bps IS
'Fee of the entry in place of fee_bps, basis points, as at ingest (a limit order); null: fee_bps.';
COMMENT ON COLUMN scorekeeper.trade.target_fee_bps IS
'Fee of an exit at the target in place of fee_bps, basis points, as at ingest; null: fee_bps.';
COMMENT ON COLUMN scorekeeper.trade.share_fee_pct IS
'Fee of each unit a side, percent of the entry price, as at ingest; null: none.';
COMMENT ON COLUMN scorekeeper.trade.min_fee IS
'The least that a side costs, quote currency, as at ingest; null: none. It needs position_value.';
COMMENT ON COLUMN scorekeeper.trade.spread_bps IS
'The spread, basis points, as at ingest: a side costs half of it; null: none.';
COMMENT ON COLUMN scorekeeper.trade.funding_bps_per_day IS
'What a long trade pays, and a short one receives, each day of 24 hours, basis points; null: none.';
COMMENT ON COLUMN scorekeeper.trade.position_value IS
'Size at entry, quote currency, by POSITION_SIZE as at ingest; null: not known.';
COMMENT ON COLUMN scorekeeper.decision.position_size IS
'The writer''s own: units, money, or used for nothing, as POSITION_SIZE says (trade.position_value).';
-- Where no trade has such terms, this index is empty, and asking for them costs nothing.
CREATE INDEX trade_with_terms ON scorekeeper.trade (exit_time)
WHERE
exit_time IS NOT NULL
AND num_nonnulls(
    entry_fee_bps, target_fee_bps, share_fee_pct, min_fee, spread_bps, funding_bps_per_day, position_value
) > 0;

CREATE VIEW scorekeeper.report_terms AS
SELECT m.calendar
FROM scorekeeper.market AS m;
COMMENT ON VIEW scorekeeper.report_terms IS
'One row at most: the calendar of the market, whose sessions are the days of the daily series (null: every day is).';

CREATE VIEW scorekeeper.report_trade_terms AS
SELECT
    t.trade_id, t.exit_time, t.exit_reason, t.entry_fee_bps, t.target_fee_bps, t.share_fee_pct, t.min_fee,
    t.spread_bps, t.funding_bps_per_day, t.position_value,
    t.position_value * t.pnl_pct / 100 AS gross_pnl, t.position_value * t.net_pnl_pct / 100 AS net_pnl
FROM scorekeeper.trade AS t
WHERE
    num_nonnulls(
        t.entry_fee_bps, t.target_fee_bps, t.share_fee_pct, t.min_fee, t.spread_bps, t.funding_bps_per_day,
        t.position_value
    ) > 0;
COMMENT ON VIEW scorekeeper.report_trade_terms IS
'One row per trade, open or closed, with a cost beside its fee or a size: its terms, as at ingest, and what it earned
before and after costs in quote currency (null: open, or without a size).';
