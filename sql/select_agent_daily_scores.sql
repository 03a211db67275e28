-- One row per agent in a scope: its days summed. Parameters: version, symbol (null: all). Called by score.
WITH days AS (
    SELECT *
    FROM scorekeeper.agent_daily_score
    WHERE
        (version = cast(:version AS text) OR (cast(:version AS text) IS NULL AND version IS NULL))
        AND (symbol = cast(:symbol AS text) OR (cast(:symbol AS text) IS NULL AND symbol IS NULL))
),
sums AS (
    SELECT
        agent, sum(signals) AS signals, sum(calls) AS calls, sum(correct) AS correct, sum(incorrect) AS incorrect,
        sum(sum_call_return_pct) AS sum_call_return_pct, sum(brier_calls) AS brier_calls, sum(sum_brier) AS sum_brier,
        sum(supported_winners) AS supported_winners, sum(supported_losers) AS supported_losers,
        sum(opposed_winners) AS opposed_winners, sum(opposed_losers) AS opposed_losers,
        sum(abstained_winners) AS abstained_winners, sum(abstained_losers) AS abstained_losers
    FROM days
    GROUP BY agent
),
bins AS (
    SELECT d.agent, b.bin, sum(b.correct) AS correct, sum(b.confidence) AS confidence
    FROM days AS d
    CROSS JOIN LATERAL unnest(d.bin_correct, d.bin_confidence) WITH ORDINALITY AS b (correct, confidence, bin)
    GROUP BY d.agent, b.bin
),
curves AS (
    SELECT
        agent, array_agg(correct ORDER BY bin) AS bin_correct, array_agg(confidence ORDER BY bin) AS bin_confidence
    FROM bins
    GROUP BY agent
)
SELECT s.*, c.bin_correct, c.bin_confidence
FROM sums AS s
INNER JOIN curves AS c ON s.agent = c.agent
ORDER BY s.agent;
