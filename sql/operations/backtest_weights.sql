-- name: create_voted
-- One row per decision that counts, has a vote, and whose horizon return is known at `until`. fee_pct: the fees of both
-- sides, percent; that of its trade, and of a HOLD that of others. adopted: whether learned weights were in use when it
-- was made. Times in seconds since 1970. The table lives until the transaction ends. Parameters: until, fee_bps.
CREATE TEMPORARY TABLE voted ON COMMIT DROP AS
SELECT
    v.opened_at, v.trade_id, d.direction AS done, v.direction AS learned, v.equal_direction AS equal,
    v.opened_at >= date_trunc('hour', p.blocks_from + interval '1 hour' - interval '1 microsecond', 'UTC')
    AND coalesce((
        SELECT e.adopted FROM scorekeeper.weight_evidence AS e
        WHERE e.version = v.version AND e.ends_at <= v.opened_at
        ORDER BY e.ends_at DESC
        LIMIT 1
    ), false) AS adopted,
    d.horizon_return_pct AS return_pct,
    (2 + d.horizon_return_pct / 100) * coalesce(t.fee_bps, :fee_bps) / 100 AS fee_pct,
    coalesce(abs(2 * v.p_up - 1) * v.move_pct > 2 * coalesce(t.fee_bps, :fee_bps) / 100, false) AS worth,
    cast(extract(EPOCH FROM d.opened_at) AS float8) AS opened,
    cast(extract(EPOCH FROM d.expires_at) AS float8) AS expires
FROM scorekeeper.learned_vote AS v
INNER JOIN scorekeeper.decision AS d ON v.trade_id = d.trade_id
INNER JOIN scorekeeper.learning_progress AS p ON v.version = p.version
LEFT JOIN scorekeeper.trade AS t ON v.trade_id = t.trade_id
WHERE d.expires_at <= :until AND d.horizon_known_at IS NOT NULL;


-- name: copy_voted
-- One row per decision, in order of opened_at and trade_id; no field is null.
COPY (
    SELECT
        cast(v.done AS integer), cast(v.learned AS integer), cast(v.equal AS integer),
        CASE WHEN v.adopted THEN 1 ELSE 0 END, CASE WHEN v.worth THEN 1 ELSE 0 END,
        v.return_pct, v.fee_pct, v.opened, v.expires
    FROM voted AS v
    ORDER BY v.opened_at, v.trade_id
) TO STDOUT WITH BINARY;
