-- One row: what changes with all that a page could show, and the row of select_standby. What is learned anew from a
-- change of the past is stale first.
-- with standby: dashboard/select_standby
WITH learned AS (
    SELECT string_agg(concat_ws(' ', r.version, r.learned_until, r.stale_from), ' ' ORDER BY r.version) AS words
    FROM scorekeeper.report_learning AS r
)
SELECT
    md5(concat_ws(' ', s.token, learned.words)) AS token, standby.is_standby, standby.applied_until, standby.lag_seconds
FROM scorekeeper.report_status AS s
CROSS JOIN learned
CROSS JOIN standby;
