-- One row per given id of which there is no decision. Parameter: ids (an array).
SELECT g.trade_id
FROM unnest(cast(:ids AS text[])) AS g (trade_id)
WHERE
    NOT EXISTS (
        SELECT 1 FROM scorekeeper.decision AS d
        WHERE d.trade_id = g.trade_id
    );
