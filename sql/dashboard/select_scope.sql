-- One row: the versions and symbols there are, at most `most` of each, in order; the last track; the first and the last
-- day on which a trade closed; since when decisions are kept (null: all are). Parameter: most.
WITH RECURSIVE version AS (
    SELECT cast('' AS text) AS name, 0 AS place
    UNION ALL
    SELECT
        least(
            (
                SELECT min(s.version) FROM scorekeeper.report_daily_pieces AS s
                WHERE s.version > v.name
            ),
            (
                SELECT min(a.version) FROM scorekeeper.report_agent_daily_pieces AS a
                WHERE a.version > v.name
            ),
            (
                SELECT min(e.version) FROM scorekeeper.report_equity AS e
                WHERE e.version > v.name
            )
        ),
        v.place + 1
    FROM version AS v
    WHERE v.name IS NOT NULL AND v.place < :most
),
symbol AS (
    SELECT cast('' AS text) AS name, 0 AS place
    UNION ALL
    SELECT
        least(
            (
                SELECT min(s.symbol) FROM scorekeeper.report_daily_pieces AS s
                WHERE s.version IS NULL AND s.symbol > y.name
            ),
            (
                SELECT min(c.symbol) FROM scorekeeper.report_coverage AS c
                WHERE c.symbol > y.name
            )
        ),
        y.place + 1
    FROM symbol AS y
    WHERE y.name IS NOT NULL AND y.place < :most
)
SELECT
    array(
        SELECT v.name FROM version AS v
        WHERE v.name <> ''
        ORDER BY v.name
    ) AS versions,
    array(
        SELECT y.name FROM symbol AS y
        WHERE y.name <> ''
        ORDER BY y.name
    ) AS symbols,
    (SELECT m.last_as_of FROM scorekeeper.report_market AS m) AS last_as_of,
    (
        SELECT min(p.day) FROM scorekeeper.report_daily_pieces AS p
        WHERE p.version IS NULL AND p.symbol IS NULL AND NOT p.after_fees
    ) AS first_day,
    (
        SELECT max(p.day) FROM scorekeeper.report_daily_pieces AS p
        WHERE p.version IS NULL AND p.symbol IS NULL AND NOT p.after_fees
    ) AS last_day,
    (SELECT r.decisions_from FROM scorekeeper.report_retention AS r) AS kept_from;
