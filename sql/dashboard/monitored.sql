-- name: select_monitored
-- One row: how far the pipeline has come, by the database's clock; what is open at the last track, how long a candle
-- is, and how many decisions have no known horizon return, counted up to `most`. Parameter: most.
SELECT
    clock_timestamp() AS read_at, s.market, s.last_as_of, s.settled_as_of, s.analysed_at, s.stale_days,
    (SELECT max(l.learned_until) FROM scorekeeper.report_learning AS l) AS learned_until,
    CASE
        WHEN s.last_as_of IS NOT NULL
            THEN (
                SELECT coalesce(sum(e.open_trades), 0) FROM scorekeeper.report_equity AS e
                WHERE e.as_of = s.last_as_of
            )
    END AS open_trades,
    (SELECT c.length FROM scorekeeper.report_candle_length AS c) AS candle_length,
    (
        SELECT count(*) FROM (
            SELECT 1 AS one FROM scorekeeper.report_decisions AS d
            WHERE d.horizon_known_at IS NULL
            ORDER BY one LIMIT :most
        ) AS undecided
    ) AS undecided
FROM scorekeeper.report_status AS s;


-- name: select_monitored_symbols
-- One row per symbol, those first that something open or undecided needs, then those in trouble, then those whose
-- prices end first, at most `most`; symbols: how many there are. Parameter: most.
WITH known AS (
    SELECT
        c.symbol, c.sealed_from, c.sealed_until, c.trouble,
        exists(
            SELECT 1 FROM scorekeeper.report_decisions AS d
            WHERE d.symbol = c.symbol AND d.horizon_known_at IS NULL
        ) AS needed
    FROM scorekeeper.report_coverage AS c
)
SELECT k.symbol, k.sealed_from, k.sealed_until, k.trouble, k.needed, count(*) OVER () AS symbols
FROM known AS k
ORDER BY k.needed DESC, k.trouble IS NULL ASC, k.sealed_until ASC, k.symbol ASC
LIMIT :most;


-- name: select_activity
-- One row per thing that is counted and its part. Parameters: none.
SELECT a.name, a.part, a.total
FROM scorekeeper.report_activity AS a
ORDER BY a.name, a.part;


-- name: select_alert_counts
-- One row per condition that holds for something: for how many symbols, or 1. Parameters: none.
SELECT a.name, count(*) AS subjects
FROM scorekeeper.report_alerts AS a
GROUP BY a.name;


-- name: select_waiting_files
-- One row per outcome of files that ingest has met and that have not left the inbox. Parameters: none.
SELECT w.outcome, w.files
FROM scorekeeper.report_waiting_files AS w;


-- name: select_published_lines
-- One row per kind of published file. Parameters: none.
SELECT p.kind, p.lines
FROM scorekeeper.report_publications AS p;


-- name: select_monitored_score
-- One row per basis (before and after fees) of the score of all versions; none before the first track.
-- Parameters: none.
SELECT
    m.after_fees, m.completed_trades, m.win_rate, m.total_pnl_pct, m.expectancy_pct, m.current_drawdown_pct
FROM scorekeeper.report_system_metrics AS m
WHERE m.version IS NULL;
