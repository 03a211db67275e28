-- name: select_unknown_prefixes
-- One row per given beginning of a hash (12 hex digits) of which no content is known and read to its end.
-- Parameter: prefixes (an array).
SELECT g.prefix
FROM unnest(cast(:prefixes AS text[])) AS g (prefix)
WHERE
    NOT EXISTS (
        SELECT 1 FROM scorekeeper.decision_file AS f
        WHERE
            f.sha256 >= decode(rpad(g.prefix, 64, '0'), 'hex') AND f.sha256 <= decode(rpad(g.prefix, 64, 'f'), 'hex')
            AND f.finished_at IS NOT NULL
    );


-- name: select_unknown_ids
-- One row per given id of which there is no decision. Parameter: ids (an array).
SELECT g.trade_id
FROM unnest(cast(:ids AS text[])) AS g (trade_id)
WHERE
    NOT EXISTS (
        SELECT 1 FROM scorekeeper.decision AS d
        WHERE d.trade_id = g.trade_id
    );
