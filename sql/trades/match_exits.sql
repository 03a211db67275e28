-- One row per open trade whose matching exit decision changes: the first one, by time and id, that asks for its close
-- and is not voided. It acts at its own time, rounded down to the minute, but not before the entry. At or after the
-- expiry it does nothing. A trade that it names may have opened at the same time, other trades must have opened before
-- it.
-- The statement reads only: trades of exit decisions that no settlement has read yet; trades that no settlement has
-- read yet; trades whose exit decision was voided, or named another trade that has come in since.
-- Trades without any candle are among them: a quote may close them, and their exit decision is not idle.
-- A decision whose symbol waits for the market's list closes nothing, and no decision closes its trade.
-- Parameters: as_of, settles (true: the same transaction closes the trades; false: their decisions wait for a
-- settlement).
WITH RECURSIVE fresh AS (
    UPDATE scorekeeper.exit_request
    SET known_at = cast(:as_of AS timestamptz)
    WHERE
        known_at IS NULL AND asked_at <= :as_of
        AND NOT EXISTS (
            SELECT 1 FROM scorekeeper.held_decision AS h
            WHERE h.trade_id = exit_request.trade_id
        )
    RETURNING trade_id, symbol, version, side, asked_at, closes, given_id, voided
),
-- An index is walked from symbol to symbol, so that the work grows with the symbols, not with what is open.
walk AS (
    (
        SELECT t.symbol FROM scorekeeper.trade AS t
        WHERE t.exit_time IS NULL AND NOT t.scanned
        ORDER BY t.symbol LIMIT 1
    )
    UNION ALL
    SELECT (
        SELECT t.symbol FROM scorekeeper.trade AS t
        WHERE t.exit_time IS NULL AND NOT t.scanned AND t.symbol > walk.symbol
        ORDER BY t.symbol LIMIT 1
    )
    FROM walk
    WHERE walk.symbol IS NOT NULL
),
-- Looked up by symbol, and passed on as an array, for the reasons that close_due_trades gives.
arrived AS (
    SELECT near.trade_id, w.symbol
    FROM walk AS w
    INNER JOIN LATERAL (
        SELECT t.trade_id FROM scorekeeper.trade AS t
        WHERE t.exit_time IS NULL AND NOT t.scanned AND t.symbol = w.symbol
        ORDER BY t.opened_at OFFSET 0
    ) AS near ON true
),
concerned AS (
    SELECT near.trade_id
    FROM fresh AS f
    CROSS JOIN LATERAL unnest(CASE f.side WHEN 0 THEN ARRAY[1, -1] ELSE ARRAY[cast(f.side AS integer)] END) AS s (side)
    INNER JOIN LATERAL (
        SELECT t.trade_id FROM scorekeeper.trade AS t
        WHERE
            t.exit_time IS NULL AND t.symbol = f.symbol AND t.version = f.version AND t.direction = s.side
            AND t.opened_at < f.asked_at
        ORDER BY t.opened_at OFFSET 0
    ) AS near ON true
    WHERE
        f.closes IS NULL AND NOT f.voided
        AND NOT EXISTS (
            SELECT 1 FROM scorekeeper.trade AS g
            WHERE g.trade_id = f.given_id AND g.symbol = f.symbol
        )
    UNION ALL
    SELECT n.trade_id
    FROM fresh AS f CROSS JOIN LATERAL unnest(array_append(f.closes, f.given_id)) AS n (trade_id)
    UNION ALL
    SELECT t.trade_id
    FROM fresh AS f INNER JOIN scorekeeper.trade AS t ON f.trade_id = t.signal_id
    WHERE f.voided
    UNION ALL
    SELECT arrived.trade_id FROM arrived
    UNION ALL
    SELECT t.trade_id
    FROM arrived AS a
    INNER JOIN scorekeeper.exit_request AS e ON a.trade_id = e.given_id AND a.symbol = e.symbol
    INNER JOIN scorekeeper.trade AS t ON e.trade_id = t.signal_id
),
derived AS (
    SELECT t.trade_id, x.trade_id AS signal_id, x.signal_at
    FROM unnest(array(SELECT DISTINCT i.trade_id FROM concerned AS i)) AS c (trade_id)
    -- Looked up by its id alone. With more conditions here the planner may read all open trades, and compare each with
    -- each id of the array: of a burst that is the square of its length.
    INNER JOIN LATERAL ( -- noqa: ST05
        SELECT o.* FROM scorekeeper.trade AS o
        WHERE o.trade_id = c.trade_id
        ORDER BY o.trade_id OFFSET 0
    ) AS t ON true
    LEFT JOIN LATERAL (
        SELECT first.trade_id, greatest(date_trunc('minute', first.asked_at), t.opened_at) AS signal_at
        FROM (
            SELECT near.trade_id, near.asked_at
            FROM (VALUES (cast(0 AS smallint)), (t.direction)) AS s (side)
            INNER JOIN LATERAL (
                SELECT e.trade_id, e.asked_at FROM scorekeeper.exit_request AS e
                WHERE
                    e.closes IS NULL AND NOT e.voided
                    AND e.symbol = t.symbol AND e.version = t.version AND e.side = s.side
                    AND e.asked_at > t.opened_at AND e.asked_at < t.expires_at + interval '1 minute'
                    AND e.asked_at <= :as_of
                    AND NOT EXISTS (
                        SELECT 1 FROM scorekeeper.trade AS g
                        WHERE g.trade_id = e.given_id AND g.symbol = e.symbol
                    )
                    AND NOT EXISTS (
                        SELECT 1 FROM scorekeeper.held_decision AS h
                        WHERE h.trade_id = e.trade_id
                    )
                ORDER BY e.asked_at, e.trade_id LIMIT 1
            ) AS near ON true
            UNION ALL
            SELECT e.trade_id, e.asked_at FROM scorekeeper.exit_request AS e
            WHERE
                (e.given_id = t.trade_id OR e.closes @> ARRAY[t.trade_id])
                AND NOT e.voided AND e.symbol = t.symbol AND e.side IN (0, t.direction)
                AND e.asked_at >= t.opened_at AND e.asked_at <= :as_of
                AND NOT EXISTS (
                    SELECT 1 FROM scorekeeper.held_decision AS h
                    WHERE h.trade_id = e.trade_id
                )
        ) AS first
        ORDER BY first.asked_at, first.trade_id LIMIT 1
    ) AS x ON t.expires_at > x.signal_at
    WHERE
        t.exit_time IS NULL AND t.opened_at <= :as_of
        AND NOT EXISTS (
            SELECT 1 FROM scorekeeper.held_decision AS h
            WHERE h.trade_id = t.trade_id
        )
),
changed AS (
    UPDATE scorekeeper.trade AS t
    SET signal_at = d.signal_at, signal_id = d.signal_id
    FROM derived AS d
    WHERE
        t.trade_id = d.trade_id AND t.exit_time IS NULL
        AND (t.signal_at IS DISTINCT FROM d.signal_at OR t.signal_id IS DISTINCT FROM d.signal_id)
    RETURNING t.trade_id
)
UPDATE scorekeeper.decision AS d
SET tracked = false
FROM changed
WHERE d.trade_id = changed.trade_id AND NOT cast(:settles AS boolean);
