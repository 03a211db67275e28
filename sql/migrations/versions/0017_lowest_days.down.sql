DROP INDEX scorekeeper.daily_score_lowest;
