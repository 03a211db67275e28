-- One row per decision of a batch whose id stands already: its place in the batch, from 1, and, if the one that stands
-- says something else, where that was read. Parameters: trade_ids, contents (arrays, an entry for each decision).
-- Called by recording.
SELECT
    i.place,
    CASE WHEN i.content_sha256 <> d.content_sha256 THEN d.source_name || ', line ' || d.source_line END AS standing
FROM
    unnest(cast(:trade_ids AS text []), cast(:contents AS bytea []))
    WITH ORDINALITY AS i (trade_id, content_sha256, place)
INNER JOIN scorekeeper.decision AS d ON i.trade_id = d.trade_id;
