-- One row per file of lines that is being followed, how far it is read, and how much of it is refused.
SELECT
    o.sha256, o.name, o.identity, o.fingerprint, o.place, o.returned_at, f.committed_offset, f.committed_lines,
    (
        SELECT count(*) FROM scorekeeper.rejection AS r
        WHERE r.sha256 = o.sha256
    ) AS refused
FROM scorekeeper.followed_file AS o
INNER JOIN scorekeeper.decision_file AS f ON o.sha256 = f.sha256
ORDER BY o.name, o.sha256;
