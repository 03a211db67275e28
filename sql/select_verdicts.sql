-- One row per decision of the batch, in order: accepted, duplicate, or conflict with the named decision that
-- stands. Called by recording.
SELECT
    CASE
        WHEN i.accepted THEN 'accepted'
        WHEN i.content_sha256 = d.content_sha256 THEN 'duplicate'
        ELSE 'conflict'
    END AS verdict,
    d.source_name AS standing_name,
    d.source_line AS standing_line
FROM incoming_decision AS i
INNER JOIN scorekeeper.decision AS d ON i.trade_id = d.trade_id
ORDER BY i.row_no;
