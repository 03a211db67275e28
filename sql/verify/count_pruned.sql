-- One row: since when candles are kept (null: none were given up), and the decisions from before.
SELECT
    m.candles_from,
    (
        SELECT count(*) FROM scorekeeper.decision AS d
        WHERE d.opened_at < m.candles_from
    ) AS decisions
FROM scorekeeper.market AS m
WHERE m.candles_from IS NOT NULL;
