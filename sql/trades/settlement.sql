-- name: create_settled_trades
-- One row per trade closed in this transaction; dropped when it ends.
CREATE TEMPORARY TABLE IF NOT EXISTS settled_trade (trade_id text COLLATE "C" PRIMARY KEY) ON COMMIT DROP;

-- name: create_settled_decisions
-- One row per decision whose horizon return became known in this transaction; dropped when it ends.
CREATE TEMPORARY TABLE IF NOT EXISTS settled_decision (trade_id text COLLATE "C" PRIMARY KEY) ON COMMIT DROP;

-- name: advance_settled
-- One row per symbol whose newly sealed candles, or candles filled back, this settlement has compared with the trades.
UPDATE scorekeeper.candle_coverage
SET settled_until = sealed_until, settled_from = sealed_from, settled_filled_back = filled_back
WHERE
    settled_until < sealed_until
    OR settled_from IS DISTINCT FROM sealed_from OR settled_filled_back IS DISTINCT FROM filled_back;

-- name: advance_settled_as_of
-- At most one row: trades have been closed as of this minute. Parameter: as_of.
UPDATE scorekeeper.market
SET settled_as_of = greatest(settled_as_of, cast(:as_of AS timestamptz))
WHERE settled_as_of IS NULL OR settled_as_of < cast(:as_of AS timestamptz);

-- name: count_idle_exits
-- One row: how many exit decisions a settlement is the first to read (exits), and how many of them close nothing
-- (idle), because their trades had closed before or were never open. BUY and SELL are not counted.
-- Parameter: as_of.
SELECT
    count(*) AS exits,
    count(*) FILTER (
        WHERE NOT EXISTS (
            SELECT 1 FROM scorekeeper.trade AS t
            WHERE t.signal_id = e.trade_id AND (t.exit_time IS NULL OR t.exit_reason = 'signal')
        )
    ) AS idle
FROM scorekeeper.exit_request AS e
INNER JOIN scorekeeper.decision AS d ON e.trade_id = d.trade_id
WHERE e.known_at = :as_of AND NOT e.voided AND d.direction = 0;
