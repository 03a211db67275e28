-- One row per numbered event after a line number, in order, with everything that its line is rendered from: columns
-- that never change, and what was known then. agents is null unless with_agents.
-- Parameters: after, up_to, most, with_agents.
SELECT
    e.line_no, e.kind, e.form, e.log_line, e.horizon_known, e.price_suspect,
    d.trade_id, d.opened_at, d.version, d.symbol, d.bar_interval, d.action, d.direction, d.confidence, d.price,
    d.reason, d.stop_loss, d.take_profit, d.trailing_stop_pct, d.late, d.received_at, d.expires_at,
    d.horizon_price, d.horizon_return_pct,
    e.kind = 'outcome' OR (
        e.form = 1 AND EXISTS (
            SELECT 1 FROM scorekeeper.event AS x
            WHERE x.trade_id = e.trade_id AND x.kind = 'outcome' AND x.event_id < e.event_id
        )
    ) AS closed,
    t.exit_time, t.exit_price, t.exit_reason, t.price_source, t.pnl_pct, t.net_pnl_pct, t.mfe_pct, t.mae_pct,
    CASE WHEN e.form > 1 THEN q.closes END AS closes, a.agents,
    -- Known since the price was judged, which a close at a quote does not wait for.
    CASE WHEN e.kind = 'horizon' OR (e.kind = 'outcome' AND t.price_source = 'market') THEN d.price_scale END
        AS price_scale
FROM scorekeeper.event AS e
LEFT JOIN scorekeeper.decision AS d ON e.trade_id = d.trade_id
LEFT JOIN scorekeeper.trade AS t ON e.trade_id = t.trade_id
LEFT JOIN scorekeeper.exit_request AS q ON e.trade_id = q.trade_id
LEFT JOIN LATERAL (
    SELECT json_agg(json_build_array(s.agent, s.signal, s.confidence, s.extra) ORDER BY s.ordinal) AS agents
    FROM scorekeeper.agent_signal AS s
    WHERE s.trade_id = e.trade_id AND cast(:with_agents AS boolean)
) AS a ON true
WHERE e.line_no > :after AND e.line_no <= :up_to
ORDER BY e.line_no
LIMIT :most;
