-- One row per symbol that was decided on and of which there is no candle, in order.
SELECT DISTINCT d.symbol
FROM scorekeeper.decision AS d
WHERE
    NOT EXISTS (
        SELECT 1 FROM scorekeeper.candle AS c
        WHERE c.symbol = d.symbol
    )
ORDER BY d.symbol;
