-- One row per rollup row of an agent.
SELECT
    day, version, symbol, agent, signals, calls, correct, incorrect, sum_call_return_pct, brier_calls, sum_brier,
    bin_calls, bin_correct, bin_confidence,
    supported_winners, supported_losers, opposed_winners, opposed_losers, abstained_winners, abstained_losers
FROM scorekeeper.agent_daily_score;
