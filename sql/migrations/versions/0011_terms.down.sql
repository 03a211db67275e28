COMMENT ON COLUMN scorekeeper.decision.position_size IS 'The writer''s own; used for nothing.';
DROP VIEW scorekeeper.report_trade_terms;
DROP VIEW scorekeeper.report_terms;
ALTER TABLE scorekeeper.trade
DROP COLUMN entry_fee_bps, DROP COLUMN target_fee_bps, DROP COLUMN share_fee_pct, DROP COLUMN min_fee,
DROP COLUMN spread_bps, DROP COLUMN funding_bps_per_day, DROP COLUMN position_value;
ALTER TABLE scorekeeper.market DROP COLUMN calendar;
