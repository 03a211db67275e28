-- One row per content of which something is refused, the latest first: how much, the first refusal, and the names of
-- the files that it came in, of those that still wait to be moved out of the inbox (waiting), and whether one stayed
-- where it lay or was gone when it was to be moved (unmoved). Parameters: prefix (of the hash, hex; empty: all), most.
SELECT
    q.sha256, r.source_name AS name, q.rejected, q.rejected_at, r.line, r.field, r.reason, n.names, n.waiting, n.unmoved
FROM (
    SELECT sha256, count(*) AS rejected, max(rejected_at) AS rejected_at, min(line) AS first_line
    FROM scorekeeper.rejection
    WHERE starts_with(encode(sha256, 'hex'), :prefix)
    GROUP BY sha256
) AS q
INNER JOIN scorekeeper.rejection AS r ON q.sha256 = r.sha256 AND q.first_line = r.line
CROSS JOIN
    LATERAL (
        SELECT
            array_agg(DISTINCT a.name) AS names,
            array_agg(DISTINCT a.name) FILTER (WHERE a.moved_at IS NULL) AS waiting,
            bool_or(a.moved_at IS NOT NULL AND a.destination IS NULL) AS unmoved
        FROM scorekeeper.file_arrival AS a
        WHERE a.sha256 = q.sha256 AND a.outcome = 'quarantined'
    ) AS n
ORDER BY q.rejected_at DESC, q.sha256 ASC
LIMIT :most;
