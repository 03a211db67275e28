-- name: create_analysed
-- One row per decision that counts and whose horizon return or exit is known at `as_of`. Those with a horizon return
-- have a decision_no, from 0 in order of opened_at and trade_id. Times are in seconds since 1970. The table lives until
-- the transaction ends. Parameter: as_of.
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


-- name: create_analysed_kinds
-- One row per version, symbol and interval of the analysed decisions, numbered from 0.
CREATE TEMPORARY TABLE analysed_kind ON COMMIT DROP AS
SELECT
    k.version, k.symbol, k.bar_interval,
    cast(row_number() OVER (ORDER BY k.version, k.symbol, k.bar_interval) - 1 AS integer) AS kind_no
FROM (SELECT DISTINCT a.version, a.symbol, a.bar_interval FROM analysed AS a) AS k;


-- name: create_analysed_agents
-- One row per agent with a signal on an analysed decision, numbered from 0.
CREATE TEMPORARY TABLE analysed_agent ON COMMIT DROP AS
SELECT k.agent, cast(row_number() OVER (ORDER BY k.agent) - 1 AS integer) AS agent_no
FROM (
    SELECT DISTINCT s.agent
    FROM scorekeeper.agent_signal AS s
    INNER JOIN analysed AS a ON s.trade_id = a.trade_id
    WHERE a.decision_no IS NOT NULL
) AS k;


-- name: select_analysed_kinds
-- One row per version, symbol and interval, in order of kind_no.
SELECT k.version, k.symbol, k.bar_interval
FROM analysed_kind AS k
ORDER BY k.kind_no;


-- name: select_analysed_agents
-- One row per agent, in order of agent_no.
SELECT k.agent
FROM analysed_agent AS k
ORDER BY k.agent_no;


-- name: copy_analysed_decisions
-- One row per decision whose horizon return is known, in no order; no field is null.
COPY (
    SELECT
        a.decision_no, k.kind_no, cast(a.direction AS integer), a.opened, a.expires, a.return_pct
    FROM analysed AS a
    INNER JOIN analysed_kind AS k
        ON a.version = k.version AND a.symbol = k.symbol AND a.bar_interval = k.bar_interval
    WHERE a.decision_no IS NOT NULL
) TO STDOUT WITH BINARY;


-- name: copy_analysed_signals
-- One row per signal on a decision whose horizon return is known, in no order; confidence NaN: none.
COPY (
    SELECT
        a.decision_no, k.agent_no, cast(s.direction AS integer), coalesce(s.confidence, 'NaN')
    FROM scorekeeper.agent_signal AS s
    INNER JOIN analysed AS a ON s.trade_id = a.trade_id
    INNER JOIN analysed_agent AS k ON s.agent = k.agent
    WHERE a.decision_no IS NOT NULL
) TO STDOUT WITH BINARY;


-- name: copy_analysed_trades
-- One row per closed trade, in order of opened_at and trade_id; no field is null.
COPY (
    SELECT
        k.kind_no, a.exit_day, a.opened, a.closed, a.pnl_pct, a.net_pnl_pct
    FROM analysed AS a
    INNER JOIN analysed_kind AS k
        ON a.version = k.version AND a.symbol = k.symbol AND a.bar_interval = k.bar_interval
    WHERE a.closed IS NOT NULL
    ORDER BY a.opened, a.trade_id
) TO STDOUT WITH BINARY;
