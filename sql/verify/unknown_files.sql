-- name: select_unknown_prefixes
-- One row per given prefix of a hash (12 hex digits) without a content that was read to its end.
-- Parameter: prefixes (text array).
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
-- One row per given id without a decision. Parameter: ids (text array).
SELECT g.trade_id
FROM unnest(cast(:ids AS text[])) AS g (trade_id)
WHERE
    NOT EXISTS (
        SELECT 1 FROM scorekeeper.decision AS d
        WHERE d.trade_id = g.trade_id
    );


-- name: select_committed_bytes
-- One row per published file of that path: how many of its bytes this database has published. Parameter: path.
SELECT p.committed_bytes
FROM scorekeeper.publication AS p
WHERE p.path = :path;
