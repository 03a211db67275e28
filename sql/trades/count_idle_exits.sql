-- One row: how many exit decisions a settlement is the first to look at (exits), and how many of them are left without
-- anything to close (idle): what they asked for had closed before, or was never open. BUY and SELL are not counted.
-- Parameter: as_of.
SELECT
    count(*) AS exits,
    count(*) FILTER (
        WHERE NOT EXISTS (
            SELECT 1 FROM scorekeeper.trade AS t
            WHERE t.signal_id = e.trade_id AND (t.exit_time IS NULL OR t.exit_reason = 'signal')
        )
    ) AS idle
FROM scorekeeper.exit_request AS e
INNER JOIN scorekeeper.decision AS d ON e.trade_id = d.trade_id
WHERE e.known_at = :as_of AND NOT e.voided AND d.direction = 0;
