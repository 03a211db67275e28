-- One row per part of a breakdown (by: symbol or version; null: the whole), basis (gross, after fees) and UTC day with
-- closed trades, in order. Parameters: version, symbol (null: all), from_day, to_day (half-open; null: no limit), by.
SELECT
    CASE cast(:by AS text) WHEN 'symbol' THEN symbol WHEN 'version' THEN version END AS part, after_fees,
    day, trades, winners, losers, sum_pct, sum_squares, sum_winners_pct, sum_losers_pct, hold_seconds,
    hold_seconds_winners, hold_seconds_losers, sum_mfe_pct, sum_mae_pct, sum_given_back_pct, path_high_pct,
    path_high_at, path_low_pct, path_fall_pct, first_exit_at, leading_wins, trailing_wins, longest_wins,
    leading_losses, trailing_losses, longest_losses
FROM scorekeeper.report_daily_pieces
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
ORDER BY part, after_fees, day;
