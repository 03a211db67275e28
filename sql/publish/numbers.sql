-- name: number_events
-- One row per event that has no line number yet: numbered without gaps, in the order in which they happened here.
-- Parameters: none.
UPDATE scorekeeper.event AS e
SET line_no = n.line_no
FROM (
    SELECT
        event_id,
        (SELECT coalesce(max(x.line_no), 0) FROM scorekeeper.event AS x) + row_number() OVER (ORDER BY event_id)
            AS line_no
    FROM scorekeeper.event AS u
    WHERE
        line_no IS NULL
        -- What a line names never changes once it is published: it waits until the market's list has said what it is.
        AND NOT EXISTS (
            SELECT 1 FROM scorekeeper.held_decision AS h
            WHERE h.trade_id = u.trade_id
        )
) AS n
WHERE e.event_id = n.event_id;


-- name: select_last_line
-- One row: the highest line number given.
SELECT coalesce(max(line_no), 0) FROM scorekeeper.event;


-- name: renew_events
-- One row per event that stays, in today's form, numbered without gaps and below 0 for the moment: a horizon that the
-- line of its close has already goes. Parameters: none.
WITH doubled AS (
    DELETE FROM scorekeeper.event AS e
    USING scorekeeper.event AS x
    WHERE
        e.kind = 'horizon' AND e.form = 1
        AND x.trade_id = e.trade_id AND x.kind = 'outcome' AND x.horizon_known
    RETURNING e.event_id
)
UPDATE scorekeeper.event AS e
SET form = 2, line_no = -n.line_no
FROM (
    SELECT o.event_id, row_number() OVER (ORDER BY o.line_no) AS line_no
    FROM scorekeeper.event AS o
    LEFT JOIN doubled ON o.event_id = doubled.event_id
    WHERE doubled.event_id IS NULL AND o.line_no IS NOT NULL
) AS n
WHERE e.event_id = n.event_id;


-- name: keep_renewed_numbers
-- One row per event that renew_events has numbered. Parameters: none.
UPDATE scorekeeper.event
SET line_no = -line_no
WHERE line_no < 0;
