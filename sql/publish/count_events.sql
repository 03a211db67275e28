-- name: count_events
-- One row per thing that the events numbered since the last count add to it: events by kind, and closed trades by the
-- reason of their exit. An event is counted once, whoever numbered it. Parameters: none.
WITH before AS (
    -- A sum is numeric, and an index of whole numbers would not serve it.
    SELECT cast(coalesce(sum(a.total), 0) AS bigint) AS line_no FROM scorekeeper.activity AS a
    WHERE a.name = 'counted_line'
),
fresh AS (
    SELECT e.kind, e.trade_id, e.line_no FROM scorekeeper.event AS e
    WHERE
        e.line_no > (SELECT before.line_no FROM before)
        -- All are. Between two bounds the planner expects few, and uses the index.
        AND e.line_no <= (SELECT max(x.line_no) FROM scorekeeper.event AS x)
),
counted (name, part, times) AS (
    SELECT 'events', f.kind, count(*)
    FROM fresh AS f
    GROUP BY f.kind
    UNION ALL
    SELECT 'closes', t.exit_reason, count(*)
    FROM fresh AS f INNER JOIN scorekeeper.trade AS t ON f.trade_id = t.trade_id
    WHERE f.kind = 'outcome' AND t.exit_reason IS NOT NULL
    GROUP BY t.exit_reason
    UNION ALL
    SELECT 'counted_line', '', coalesce(max(f.line_no), before.line_no) - before.line_no
    FROM before LEFT JOIN fresh AS f ON true
    GROUP BY before.line_no
)
INSERT INTO scorekeeper.activity AS a (name, part, slot, total)
SELECT c.name, c.part, 0, c.times
FROM counted AS c
WHERE c.times > 0
ON CONFLICT (name, part, slot) DO UPDATE SET total = a.total + excluded.total;


-- name: note_counted_line
-- At most one row: up to which line events are counted, after renewed lines got other numbers. Parameters: none.
UPDATE scorekeeper.activity
SET total = (SELECT coalesce(max(e.line_no), 0) FROM scorekeeper.event AS e)
WHERE name = 'counted_line';
