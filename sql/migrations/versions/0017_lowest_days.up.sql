-- The twentieth of the days with the lowest sums is read without the others. A day has few rows without a symbol.
CREATE INDEX daily_score_lowest ON scorekeeper.daily_score (version, after_fees, sum_pct) WHERE symbol IS NULL;
