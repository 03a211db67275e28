-- One row per decision whose horizon return became known in this transaction: it is to be published. Called by settle.
INSERT INTO scorekeeper.event (kind, trade_id, horizon_known, price_suspect)
SELECT 'horizon', d.trade_id, true, d.price_suspect
FROM settled_decision AS s
INNER JOIN scorekeeper.decision AS d ON s.trade_id = d.trade_id
ORDER BY d.expires_at, d.trade_id
ON CONFLICT DO NOTHING;
