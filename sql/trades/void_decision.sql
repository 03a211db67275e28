-- At most one row: the decision stays stored, and counts in no figure. Parameters: trade_id, why, at.
WITH voided AS (
    UPDATE scorekeeper.decision
    SET voided_at = cast(:at AS timestamptz), void_reason = :why
    WHERE trade_id = :trade_id AND voided_at IS NULL
    RETURNING trade_id, expires_at, opened_at, version, reference_price, price_suspect, late
),
unlearned AS (
    INSERT INTO scorekeeper.stale_learning (version, from_at)
    SELECT v.version, v.opened_at
    FROM voided AS v
    WHERE
        v.reference_price IS NOT NULL AND v.price_suspect IS FALSE AND NOT v.late
        AND v.opened_at <= coalesce(
            (
                SELECT p.learning_until FROM scorekeeper.learning_progress AS p
                WHERE p.version = v.version
            ),
            (SELECT max(p.learning_until) FROM scorekeeper.learning_progress AS p)
        )
    ON CONFLICT (version) DO UPDATE SET from_at = least(stale_learning.from_at, excluded.from_at)
),
-- An analysis that counted it cannot be corrected without all rows: the next run of analyze makes it again.
analysed AS (
    DELETE FROM scorekeeper.analysis AS a
    USING voided
    WHERE (a.version IS NULL OR a.version = voided.version) AND a.as_of >= voided.opened_at
),
kept_apart AS (
    UPDATE scorekeeper.trade AS t
    SET left_out = true
    FROM voided
    WHERE t.trade_id = voided.trade_id
),
-- The next settlement reads its request to close again: the trade that it was about to close stays open.
asks_no_more AS (
    UPDATE scorekeeper.exit_request AS e
    SET voided = true, known_at = NULL
    FROM voided
    WHERE e.trade_id = voided.trade_id
)
INSERT INTO scorekeeper.stale_day (kind, day)
SELECT 'agent', cast(v.expires_at AT TIME ZONE 'UTC' AS date) FROM voided AS v
UNION
SELECT 'system', cast(t.exit_time AT TIME ZONE 'UTC' AS date)
FROM voided AS v INNER JOIN scorekeeper.trade AS t ON v.trade_id = t.trade_id
WHERE t.exit_time IS NOT NULL
-- Not DO NOTHING: a transaction that takes the day off the list must wait for the changes of this one.
ON CONFLICT (kind, day) DO UPDATE SET day = excluded.day;
