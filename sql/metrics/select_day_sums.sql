-- One row per UTC day with closed trades of a version (null: all): what it brought. Parameters: version, after_fees.
SELECT sum_pct
FROM scorekeeper.daily_score
WHERE
    (version = cast(:version AS text) OR (cast(:version AS text) IS NULL AND version IS NULL))
    AND symbol IS NULL
    AND after_fees = :after_fees;
