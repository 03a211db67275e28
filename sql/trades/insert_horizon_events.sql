-- One row per decision whose horizon return became known in this transaction: it is to be published, unless the line of
-- its close, in this transaction too, has it.
INSERT INTO scorekeeper.event (kind, trade_id, horizon_known, price_suspect)
SELECT 'horizon', d.trade_id, true, d.price_suspect
FROM settled_decision AS s
INNER JOIN scorekeeper.decision AS d ON s.trade_id = d.trade_id
WHERE
    NOT EXISTS (
        SELECT 1 FROM scorekeeper.event AS x
        WHERE x.trade_id = d.trade_id AND x.kind = 'outcome' AND x.horizon_known
    )
ORDER BY d.expires_at, d.trade_id
ON CONFLICT DO NOTHING;
