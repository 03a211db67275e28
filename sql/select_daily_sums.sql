-- One row per rollup row of the system: its scope and sums. Called by verify.
SELECT day, version, symbol, after_fees, trades, winners, losers, cast(sum_pct AS float8) AS sum_pct
FROM scorekeeper.daily_score;
