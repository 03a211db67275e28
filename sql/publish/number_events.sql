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
