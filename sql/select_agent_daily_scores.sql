-- One row per agent in a scope: its days summed. Parameters: version, symbol (null: all). Called by score.
SELECT
    agent, sum(signals) AS signals, sum(calls) AS calls, sum(correct) AS correct, sum(incorrect) AS incorrect,
    sum(sum_call_return_pct) AS sum_call_return_pct, sum(brier_calls) AS brier_calls, sum(sum_brier) AS sum_brier,
    sum(supported_winners) AS supported_winners, sum(supported_losers) AS supported_losers,
    sum(opposed_winners) AS opposed_winners, sum(opposed_losers) AS opposed_losers,
    sum(abstained_winners) AS abstained_winners, sum(abstained_losers) AS abstained_losers
FROM scorekeeper.agent_daily_score
WHERE
    version IS NOT DISTINCT FROM cast(:version AS text)
    AND symbol IS NOT DISTINCT FROM cast(:symbol AS text)
GROUP BY agent
ORDER BY agent;
