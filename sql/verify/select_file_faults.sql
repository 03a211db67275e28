-- One row per content, arrival or rejection that contradicts the others: what it is, and what is wrong.
SELECT 'file ' || encode(f.sha256, 'hex') AS what, 'is in the ledger, and never arrived' AS fault
FROM scorekeeper.decision_file AS f
WHERE
    NOT EXISTS (
        SELECT 1 FROM scorekeeper.file_arrival AS a
        WHERE a.sha256 = f.sha256
    )
UNION ALL
SELECT
    'file ' || a.name,
    CASE
        WHEN f.finished_at IS NULL THEN 'is ' || a.outcome || ', and was never read to its end'
        ELSE 'is still being read, and was read to its end'
    END
FROM scorekeeper.file_arrival AS a
INNER JOIN scorekeeper.decision_file AS f ON a.sha256 = f.sha256
WHERE
    CASE
        WHEN a.outcome = 'reading' THEN f.finished_at IS NOT NULL
        ELSE f.finished_at IS NULL AND a.destination IS NOT NULL
    END
UNION ALL
SELECT
    'file ' || a.name,
    'brought ' || a.decisions || ' decisions, and ' || count(d.trade_id) || ' name it as their source'
FROM (
    SELECT name, coalesce(followed_as, sha256) AS source, sum(decisions) - sum(deleted_decisions) AS decisions
    FROM scorekeeper.file_arrival
    GROUP BY name, coalesce(followed_as, sha256)
) AS a
LEFT JOIN scorekeeper.decision AS d ON a.source = d.source_sha256 AND a.name = d.source_name
GROUP BY a.name, a.source, a.decisions
HAVING count(d.trade_id) <> a.decisions
UNION ALL
SELECT 'file ' || a.name, 'had ' || a.rejected || ' decisions refused, and ' || r.kept || ' refusals are kept'
FROM (
    SELECT DISTINCT ON (sha256) name, sha256, rejected, outcome
    FROM scorekeeper.file_arrival
    WHERE outcome IN ('ingested', 'quarantined')
    ORDER BY sha256 ASC, arrival_id DESC
) AS a
CROSS JOIN
    LATERAL (
        SELECT count(*) AS kept FROM scorekeeper.rejection AS r
        WHERE r.sha256 = a.sha256
    ) AS r
-- More rejections may be stored than this arrival had: those of the shorter file that it grew from. None are stored
-- where the file was corrected, or grew.
WHERE
    r.kept > 0 AND (a.outcome = 'ingested' OR r.kept < a.rejected)
    AND NOT EXISTS (
        SELECT 1 FROM scorekeeper.file_arrival AS again
        WHERE again.sha256 = a.sha256 AND again.outcome = 'reading'
    );
