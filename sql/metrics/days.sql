-- name: select_daily_scores
-- One row per UTC day with closed trades in a scope, in order. Parameters: version, symbol (null: all), after_fees,
-- from_day (null: the first).
-- Not IS NOT DISTINCT FROM, here and elsewhere: that cannot use an index.
SELECT
    day, trades, winners, losers, sum_pct, sum_squares, sum_winners_pct, sum_losers_pct, hold_seconds,
    hold_seconds_winners, hold_seconds_losers, sum_mfe_pct, sum_mae_pct, sum_given_back_pct, path_high_pct,
    path_high_at, path_low_pct, path_fall_pct, first_exit_at, leading_wins, trailing_wins, longest_wins,
    leading_losses, trailing_losses, longest_losses
FROM scorekeeper.daily_score
WHERE
    (version = cast(:version AS text) OR (cast(:version AS text) IS NULL AND version IS NULL))
    AND (symbol = cast(:symbol AS text) OR (cast(:symbol AS text) IS NULL AND symbol IS NULL))
    AND after_fees = :after_fees
    AND (cast(:from_day AS date) IS NULL OR day >= :from_day)
ORDER BY day;

-- name: select_day_sums
-- One row per UTC day with closed trades of a version (null: all): the sum of its P&L in percent. Parameters: version,
-- after_fees.
SELECT day, sum_pct
FROM scorekeeper.daily_score
WHERE
    (version = cast(:version AS text) OR (cast(:version AS text) IS NULL AND version IS NULL))
    AND symbol IS NULL
    AND after_fees = :after_fees;

-- name: select_lowest_day_sums
-- One row per UTC day with closed trades of a version (null: all), of the `most` with the lowest sum of P&L and those
-- that equal the last of them: that sum in percent, in order. Parameters: version, after_fees, most.
SELECT sum_pct
FROM scorekeeper.daily_score
WHERE
    (version = cast(:version AS text) OR (cast(:version AS text) IS NULL AND version IS NULL))
    AND symbol IS NULL
    AND after_fees = :after_fees
-- By version too, which is one: the planner does not see that the index is in order where it is null.
ORDER BY version, sum_pct
FETCH FIRST (:most) ROWS WITH TIES;

-- name: select_analysis_figures
-- At most one row: the figures of a version (null: all) in the last run of analyze at or before `at` (null: any time).
-- None where that run had nothing of the version, even if an earlier one had.
-- Parameters: version, at.
SELECT a.document -> 'figures' AS figures
FROM scorekeeper.analysis AS a
WHERE
    (a.version = cast(:version AS text) OR (cast(:version AS text) IS NULL AND a.version IS NULL))
    AND a.as_of = (
        SELECT max(run.as_of) FROM scorekeeper.analysis AS run
        WHERE run.version IS NULL AND (cast(:at AS timestamptz) IS NULL OR run.as_of <= :at)
    );
