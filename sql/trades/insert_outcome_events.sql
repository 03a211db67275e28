-- One row per trade closed in this transaction: it is to be published.
INSERT INTO scorekeeper.event (kind, trade_id, horizon_known, price_suspect)
SELECT 'outcome', t.trade_id, d.horizon_known_at IS NOT NULL, d.price_suspect
FROM settled_trade AS s
INNER JOIN scorekeeper.trade AS t ON s.trade_id = t.trade_id
INNER JOIN scorekeeper.decision AS d ON s.trade_id = d.trade_id
ORDER BY t.exit_time, t.trade_id
ON CONFLICT DO NOTHING;
