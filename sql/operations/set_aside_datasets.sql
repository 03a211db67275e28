-- name: select_set_aside
-- At most one row: what is known of a dataset that was set aside: how many of its decisions were not stored when it was
-- read, and whether one of them still is not. None if it was not read as it is now. Parameters: path, mark.
SELECT
    s.lost,
    s.lost_id IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM scorekeeper.decision AS d
        WHERE d.trade_id = s.lost_id
    ) AS still
FROM scorekeeper.set_aside_dataset AS s
WHERE s.path = :path AND s.mark = :mark;


-- name: note_set_aside
-- One row: what a dataset that was set aside came to when it was read. Parameters: path, mark, lost, lost_id.
INSERT INTO scorekeeper.set_aside_dataset (path, mark, lost, lost_id)
VALUES (:path, :mark, :lost, :lost_id)
ON CONFLICT (path) DO UPDATE SET mark = excluded.mark, lost = excluded.lost, lost_id = excluded.lost_id;
