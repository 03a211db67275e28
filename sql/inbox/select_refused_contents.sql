-- One row per content of which something is refused and which is read to its end, or followed while it grows, the
-- latest first: its hash in hex, and how much.
SELECT
    encode(r.sha256, 'hex') AS content,
    count(*) AS rejected
FROM scorekeeper.rejection AS r
WHERE
    EXISTS (
        SELECT 1 FROM scorekeeper.file_arrival AS a
        WHERE a.sha256 = r.sha256 AND a.outcome = 'quarantined'
    )
    OR EXISTS (
        SELECT 1 FROM scorekeeper.followed_file AS o
        WHERE o.sha256 = r.sha256
    )
GROUP BY r.sha256
ORDER BY max(r.rejected_at) DESC, r.sha256 ASC;
