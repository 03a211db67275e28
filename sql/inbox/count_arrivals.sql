-- One row per thing that a batch of files adds to a count: files read to their end by outcome, their entries by what
-- became of them, and the seconds from a file's last change to the transaction that has all of its rows (by upper
-- bound, and summed in milliseconds). Parameters: files (JSON: outcome, modified_at; null: a file whose age says
-- nothing), accepted, duplicate, refused.
WITH read_files AS (
    SELECT
        g.outcome, greatest(extract(EPOCH FROM clock_timestamp() - g.modified_at), 0) AS seconds
    FROM json_to_recordset(cast(:files AS json)) AS g (outcome text, modified_at timestamptz)
),
counted (name, part, times) AS (
    SELECT 'arrivals', r.outcome, count(*)
    FROM read_files AS r
    GROUP BY r.outcome
    UNION ALL
    SELECT
        'arrival_seconds',
        (ARRAY['1', '5', '15', '60', '300', '3600', '+Inf'])[
            1 + width_bucket(r.seconds, ARRAY[1, 5, 15, 60, 300, 3600])
        ] AS bound,
        count(*)
    FROM read_files AS r
    WHERE r.seconds IS NOT NULL
    GROUP BY bound
    UNION ALL
    SELECT 'arrival_milliseconds', '', cast(coalesce(sum(r.seconds * 1000), 0) AS bigint)
    FROM read_files AS r
    UNION ALL
    SELECT 'entries', e.part, e.times
    FROM
        (
            VALUES
            ('accepted', cast(:accepted AS bigint)), ('duplicate', cast(:duplicate AS bigint)),
            ('refused', cast(:refused AS bigint))
        ) AS e (part, times)
)
INSERT INTO scorekeeper.activity AS a (name, part, slot, total)
SELECT c.name, c.part, pg_backend_pid() % 16, c.times
FROM counted AS c
WHERE c.times > 0
ORDER BY c.name, c.part
ON CONFLICT (name, part, slot) DO UPDATE SET total = a.total + excluded.total;
