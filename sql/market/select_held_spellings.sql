-- One row per spelling of a symbol that waits for the market's list, in order.
SELECT DISTINCT d.raw_symbol COLLATE "C" AS raw_symbol
FROM scorekeeper.held_decision AS h
INNER JOIN scorekeeper.decision AS d ON h.trade_id = d.trade_id
ORDER BY raw_symbol;
