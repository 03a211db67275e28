-- One row per agent's signal on a decision that counts, and of which something is known: its horizon return, or how its
-- trade ended.
SELECT
    a.agent, a.direction, a.confidence, d.version, d.symbol, d.expires_at,
    CASE WHEN d.horizon_known_at IS NOT NULL THEN d.horizon_return_pct END AS horizon_return_pct,
    a.direction * t.direction AS backed, t.pnl_pct
FROM scorekeeper.agent_signal AS a
INNER JOIN scorekeeper.decision AS d ON a.trade_id = d.trade_id
LEFT JOIN scorekeeper.trade AS t ON a.trade_id = t.trade_id AND t.exit_time IS NOT NULL
WHERE
    d.voided_at IS NULL AND d.price_suspect IS NOT TRUE
    AND (d.horizon_known_at IS NOT NULL OR t.trade_id IS NOT NULL);
