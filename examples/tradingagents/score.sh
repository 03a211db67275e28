# The logs say the day of a decision and a rating: give its time, and daily bars to take its price from.
scorekeeper convert --from tradingagents eval_results \
  --prices bars --time 16:00 --timezone America/New_York --out inbox
scorekeeper ingest
