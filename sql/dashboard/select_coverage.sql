-- One row per symbol, those in trouble first, then those whose prices end first, at most `most`; needed: something of
-- it is open or undecided. Parameter: most.
SELECT
    c.symbol, c.sealed_from, c.sealed_until, c.trouble, c.says,
    exists(
        SELECT 1 FROM scorekeeper.report_decisions AS d
        WHERE d.symbol = c.symbol AND d.horizon_known_at IS NULL
    ) AS needed
FROM scorekeeper.report_coverage AS c
ORDER BY c.trouble IS NULL, c.sealed_until, c.symbol
LIMIT :most;
