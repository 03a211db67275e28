-- name: allow_memory
-- One row: lets the statements of this transaction sort and hash in memory. Beyond that they write to the disk.
SELECT set_config('work_mem', '64MB', true) AS work_mem;


-- name: create_analysed
-- One row per decision that counts and whose horizon return or exit is known at `as_of`, in order of opened_at and
-- trade_id, numbered from 0. Times are in seconds since 1970. expires and return_pct are NaN where the horizon return
-- is not known, and closed, pnl_pct and net_pnl_pct without an exit. The table lives until the transaction ends.
-- Parameter: as_of.
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
    k.trade_id,
    cast(row_number() OVER (ORDER BY k.opened_at, k.trade_id) - 1 AS integer) AS decision_no,
    k.version, k.symbol, k.bar_interval, cast(k.direction AS integer) AS direction,
    cast(extract(EPOCH FROM k.opened_at) AS float8) AS opened,
    CASE WHEN k.scored THEN cast(extract(EPOCH FROM k.expires_at) AS float8) ELSE 'NaN' END AS expires,
    CASE WHEN k.scored THEN k.horizon_return_pct ELSE 'NaN' END AS return_pct,
    coalesce(cast(extract(EPOCH FROM t.exit_time) AS float8), 'NaN') AS closed,
    coalesce(cast(t.exit_time AT TIME ZONE 'UTC' AS date) - date '1970-01-01', 0) AS exit_day,
    coalesce(t.pnl_pct, 'NaN') AS pnl_pct, coalesce(t.net_pnl_pct, 'NaN') AS net_pnl_pct
FROM known AS k
LEFT JOIN scorekeeper.trade AS t ON k.trade_id = t.trade_id AND t.exit_time <= :as_of
WHERE k.scored OR t.trade_id IS NOT NULL;


-- name: create_analysed_kinds
-- One row per version, symbol and interval of the analysed decisions, numbered from 0.
CREATE TEMPORARY TABLE analysed_kind ON COMMIT DROP AS
SELECT
    k.version, k.symbol, k.bar_interval,
    cast(row_number() OVER (ORDER BY k.version, k.symbol, k.bar_interval) - 1 AS integer) AS kind_no
FROM (
    SELECT DISTINCT a.version, a.symbol, a.bar_interval
    FROM analysed AS a
) AS k;


-- name: create_scored_agents
-- One row per agent with a rollup, numbered from 0: almost always, these are all agents with a signal on a decision
-- whose horizon return is known. They are found without reading all signals.
CREATE TEMPORARY TABLE analysed_agent ON COMMIT DROP AS
WITH RECURSIVE known AS (
    SELECT min(s.agent) AS agent
    FROM scorekeeper.agent_daily_score AS s
    WHERE s.version IS NULL AND s.symbol IS NULL
    UNION ALL
    SELECT
        (
            SELECT min(s.agent) FROM scorekeeper.agent_daily_score AS s
            WHERE s.version IS NULL AND s.symbol IS NULL AND s.agent > k.agent
        )
    FROM known AS k
    WHERE k.agent IS NOT NULL
)
SELECT k.agent, cast(row_number() OVER (ORDER BY k.agent) - 1 AS integer) AS agent_no
FROM known AS k
WHERE k.agent IS NOT NULL;


-- name: create_analysed_agents
-- One row per agent with a signal on an analysed decision, numbered from 0.
CREATE TEMPORARY TABLE analysed_agent ON COMMIT DROP AS
SELECT k.agent, cast(row_number() OVER (ORDER BY k.agent) - 1 AS integer) AS agent_no
FROM (
    SELECT DISTINCT s.agent
    FROM scorekeeper.agent_signal AS s
    INNER JOIN analysed AS a ON s.trade_id = a.trade_id
    WHERE a.return_pct <> 'NaN'
) AS k;


-- name: analyze_analysed
-- No row: tells the planner what the temporary tables hold. Autovacuum does not see them.
ANALYZE analysed, analysed_kind, analysed_agent;


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
-- One row per analysed decision, in no order; no field is null.
COPY (
    SELECT
        a.decision_no, k.kind_no, a.direction, a.opened, a.expires, a.return_pct, a.closed, a.exit_day, a.pnl_pct,
        a.net_pnl_pct
    FROM analysed AS a
    INNER JOIN analysed_kind AS k
        ON a.version = k.version AND a.symbol = k.symbol AND a.bar_interval = k.bar_interval
) TO STDOUT WITH BINARY;


-- name: copy_analysed_signals
-- One row per signal on a decision whose horizon return is known, in no order. Of an agent without a number, agent_no
-- is -1. confidence NaN: none.
COPY (
    SELECT
        a.decision_no, coalesce(k.agent_no, -1) * 4 + s.direction + 1 AS said, coalesce(s.confidence, 'NaN')
    FROM scorekeeper.agent_signal AS s
    INNER JOIN analysed AS a ON s.trade_id = a.trade_id
    LEFT JOIN analysed_agent AS k ON s.agent = k.agent
    WHERE a.return_pct <> 'NaN'
) TO STDOUT WITH BINARY;
