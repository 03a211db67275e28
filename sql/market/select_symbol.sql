-- One row: the symbol that a spelling stands for: as the market's list has read it, else as it was written, where
-- something was scored under that, else by custom. Parameters: spelled, custom.
SELECT
    coalesce(
        (
            SELECT r.symbol FROM scorekeeper.symbol_reading AS r
            WHERE r.spelled = :spelled
        ),
        (
            SELECT max(s.symbol) FROM scorekeeper.daily_score AS s
            WHERE s.symbol = :spelled
        ),
        (
            SELECT max(s.symbol) FROM scorekeeper.agent_daily_score AS s
            WHERE s.symbol = :spelled
        ),
        :custom
    ) AS symbol;
