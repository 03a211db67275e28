-- One row: what changes with all that a page could show. What is learned anew from a change of the past is stale first.
WITH learned AS (
    SELECT string_agg(concat_ws(' ', r.version, r.learned_until, r.stale_from), ' ' ORDER BY r.version) AS words
    FROM scorekeeper.report_learning AS r
)
SELECT md5(concat_ws(' ', s.token, learned.words)) AS token
FROM scorekeeper.report_status AS s
CROSS JOIN learned;
