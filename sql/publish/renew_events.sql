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
