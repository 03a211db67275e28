-- One row per spelling that waits for the market's list (held), and per symbol that the last track found the market not
-- to list (unlisted), in order.
SELECT
    'held' AS kind,
    d.raw_symbol COLLATE "C" AS name
FROM scorekeeper.held_decision AS h
INNER JOIN scorekeeper.decision AS d ON h.trade_id = d.trade_id
GROUP BY d.raw_symbol COLLATE "C"
UNION ALL
SELECT
    'unlisted' AS kind,
    p.symbol AS name
FROM scorekeeper.price_trouble AS p
WHERE p.kind = 'unlisted'
ORDER BY kind, name;
