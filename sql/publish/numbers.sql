-- name: number_events
-- One row per event without a line number: numbers them without gaps, in the order of event_id. Parameters: none.
UPDATE scorekeeper.event AS e
SET line_no = n.line_no
FROM (
    SELECT
        event_id,
        greatest(
            (SELECT coalesce(max(x.line_no), 0) FROM scorekeeper.event AS x),
            (SELECT coalesce(max(k.until_line_no), 0) FROM scorekeeper.kept_lines AS k)
        ) + row_number() OVER (ORDER BY event_id) AS line_no
    FROM scorekeeper.event AS u
    WHERE
        line_no IS NULL
        -- A published line never changes, so it waits until the market's list has given its symbol.
        AND NOT EXISTS (
            SELECT 1 FROM scorekeeper.held_decision AS h
            WHERE h.trade_id = u.trade_id
        )
) AS n
WHERE e.event_id = n.event_id;


-- name: select_last_line
-- One row: the highest line number, or 0.
SELECT greatest(
    (SELECT coalesce(max(e.line_no), 0) FROM scorekeeper.event AS e),
    (SELECT coalesce(max(k.until_line_no), 0) FROM scorekeeper.kept_lines AS k)
) AS line_no;


-- name: renew_events
-- One row per event that stays: gives it today's form, and for the moment a negative number, without gaps. Deletes a
-- horizon that the line of the exit holds already. Parameters: none.
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
-- One row per event that renew_events has numbered: makes the number positive. Parameters: none.
UPDATE scorekeeper.event
SET line_no = -line_no
WHERE line_no < 0;
