-- One row: what the line of metrics tells of a version (null: all), gross, summed over its days. Parameter: version.
SELECT
    coalesce(sum(trades), 0) AS trades, coalesce(sum(winners), 0) AS winners, coalesce(sum(losers), 0) AS losers,
    coalesce(sum(sum_pct), 0) AS sum_pct, coalesce(sum(sum_winners_pct), 0) AS sum_winners_pct,
    coalesce(sum(sum_losers_pct), 0) AS sum_losers_pct
FROM scorekeeper.daily_score
WHERE
    (version = cast(:version AS text) OR (cast(:version AS text) IS NULL AND version IS NULL))
    AND symbol IS NULL AND NOT after_fees;
