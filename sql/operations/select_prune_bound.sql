-- One row: the earliest minute whose candles something still waits for (null: nothing does): a decision that is
-- undecided or a trade that is open, and that the sealed range reaches; or candles that no trade was held against yet.
SELECT least(
    (
        SELECT min(d.opened_at)
        FROM scorekeeper.decision AS d
        INNER JOIN scorekeeper.candle_coverage AS c ON d.symbol = c.symbol
        WHERE d.horizon_known_at IS NULL AND d.opened_at >= c.sealed_from
    ),
    (
        SELECT min(t.opened_at)
        FROM scorekeeper.trade AS t
        INNER JOIN scorekeeper.candle_coverage AS c ON t.symbol = c.symbol
        WHERE t.exit_time IS NULL AND t.opened_at >= c.sealed_from
    ),
    (
        SELECT min(c.settled_until) FROM scorekeeper.candle_coverage AS c
        WHERE c.settled_until < c.sealed_until
    )
) AS bound;
