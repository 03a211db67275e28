-- One row per part of a breakdown (by: symbol or version; null: the whole) and agent: its days in [from_day, to_day)
-- summed (null: no limit). Parameters: version, symbol (null: all), from_day, to_day, by, agent (null: all).
SELECT
    CASE cast(:by AS text) WHEN 'symbol' THEN symbol WHEN 'version' THEN version END AS part,
    agent, sum(signals) AS signals, sum(calls) AS calls, sum(correct) AS correct, sum(incorrect) AS incorrect,
    sum(sum_call_return_pct) AS sum_call_return_pct, sum(brier_calls) AS brier_calls, sum(sum_brier) AS sum_brier,
    sum(supported_winners) AS supported_winners, sum(supported_losers) AS supported_losers,
    sum(opposed_winners) AS opposed_winners, sum(opposed_losers) AS opposed_losers,
    sum(abstained_winners) AS abstained_winners, sum(abstained_losers) AS abstained_losers,
    ARRAY[
        sum(bin_calls[1]), sum(bin_calls[2]), sum(bin_calls[3]), sum(bin_calls[4]), sum(bin_calls[5]),
        sum(bin_calls[6]), sum(bin_calls[7]), sum(bin_calls[8]), sum(bin_calls[9]), sum(bin_calls[10])
    ] AS bin_calls,
    ARRAY[
        sum(bin_correct[1]), sum(bin_correct[2]), sum(bin_correct[3]), sum(bin_correct[4]), sum(bin_correct[5]),
        sum(bin_correct[6]), sum(bin_correct[7]), sum(bin_correct[8]), sum(bin_correct[9]), sum(bin_correct[10])
    ] AS bin_correct,
    ARRAY[
        sum(bin_confidence[1]), sum(bin_confidence[2]), sum(bin_confidence[3]), sum(bin_confidence[4]),
        sum(bin_confidence[5]), sum(bin_confidence[6]), sum(bin_confidence[7]),
        sum(bin_confidence[8]), sum(bin_confidence[9]), sum(bin_confidence[10])
    ] AS bin_confidence
FROM scorekeeper.report_agent_daily_pieces
WHERE
    (
        version = cast(:version AS text)
        OR (cast(:version AS text) IS NULL AND (version IS NULL) = (cast(:by AS text) IS DISTINCT FROM 'version'))
    )
    AND (
        symbol = cast(:symbol AS text)
        OR (cast(:symbol AS text) IS NULL AND (symbol IS NULL) = (cast(:by AS text) IS DISTINCT FROM 'symbol'))
    )
    AND (cast(:from_day AS date) IS NULL OR day >= :from_day)
    AND (cast(:to_day AS date) IS NULL OR day < :to_day)
    AND (cast(:agent AS text) IS NULL OR agent = :agent)
GROUP BY part, agent
ORDER BY part, agent;
