-- One row per rollup row of the system.
SELECT
    version, symbol, after_fees,
    day, trades, winners, losers, sum_pct, sum_squares, sum_winners_pct, sum_losers_pct, hold_seconds,
    hold_seconds_winners, hold_seconds_losers, sum_mfe_pct, sum_mae_pct, sum_given_back_pct, path_high_pct,
    path_high_at, path_low_pct, path_fall_pct, first_exit_at, leading_wins, trailing_wins, longest_wins,
    leading_losses, trailing_losses, longest_losses
FROM scorekeeper.daily_score;
