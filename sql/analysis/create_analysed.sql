-- One row per decision that counts and of which something is known at `as_of`: its horizon return (then it has a
-- decision_no, in order of opened_at and trade_id, from 0), or how its trade ended. Times in seconds since 1970; lives
-- until the transaction ends. Parameter: as_of.
CREATE TEMPORARY TABLE analysed ON COMMIT DROP AS
WITH known AS (
    SELECT
        d.trade_id, d.version, d.symbol, coalesce(d.bar_interval, '') AS bar_interval, d.direction,
        d.opened_at, d.expires_at, d.horizon_return_pct,
        d.horizon_known_at IS NOT NULL AND d.expires_at <= :as_of AS scored
    FROM scorekeeper.decision AS d
    WHERE d.voided_at IS NULL AND d.price_suspect IS NOT TRUE
)
SELECT
    k.trade_id, k.version, k.symbol, k.bar_interval, k.direction,
    cast(extract(EPOCH FROM k.opened_at) AS float8) AS opened,
    cast(extract(EPOCH FROM k.expires_at) AS float8) AS expires,
    CASE WHEN k.scored THEN k.horizon_return_pct END AS return_pct,
    CASE
        WHEN k.scored
            THEN cast(row_number() OVER (PARTITION BY k.scored ORDER BY k.opened_at, k.trade_id) - 1 AS integer)
    END AS decision_no,
    cast(extract(EPOCH FROM t.exit_time) AS float8) AS closed,
    cast(t.exit_time AT TIME ZONE 'UTC' AS date) - date '1970-01-01' AS exit_day,
    t.pnl_pct, t.net_pnl_pct
FROM known AS k
LEFT JOIN scorekeeper.trade AS t ON k.trade_id = t.trade_id AND t.exit_time <= :as_of
WHERE k.scored OR t.trade_id IS NOT NULL;
