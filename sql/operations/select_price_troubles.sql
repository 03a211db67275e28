-- One row per symbol for which the last track got no prices, or none up to its as_of, in order.
SELECT symbol, kind, says
FROM scorekeeper.price_trouble
ORDER BY symbol;
