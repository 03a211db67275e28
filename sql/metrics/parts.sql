-- name: select_part_sums
-- One row per largest stretch of days of a kind that is added up, lies in [from_day, to_day) (null: no limit), and none
-- of whose days has changed since, in order: its parts of a breakdown and version (null: all), null where it has none.
-- Parameters: kind, from_day, to_day, by, version.
WITH ranked AS (
    SELECT
        b.kind, b.first_day, b.last_day,
        max(b.last_day) OVER (
            ORDER BY b.first_day ASC, b.last_day DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS covered_until
    FROM scorekeeper.report_part_blocks AS b
    WHERE
        b.kind = :kind
        AND (cast(:from_day AS date) IS NULL OR b.first_day >= :from_day)
        AND (cast(:to_day AS date) IS NULL OR b.last_day < :to_day)
)
SELECT r.first_day, r.last_day, cast(p.parts AS text) AS parts
FROM ranked AS r
LEFT JOIN scorekeeper.report_part_sums AS p
    ON
        r.kind = p.kind AND r.first_day = p.first_day AND r.last_day = p.last_day
        AND p.breakdown = :by
        AND (p.version = cast(:version AS text) OR (cast(:version AS text) IS NULL AND p.version IS NULL))
WHERE r.covered_until IS NULL OR r.last_day > r.covered_until
ORDER BY r.first_day;

-- name: select_part_blocks
-- One row per stretch of days of a kind that is added up, in order. Parameter: kind.
SELECT b.level, b.first_day, b.last_day
FROM scorekeeper.part_block AS b
WHERE b.kind = :kind
ORDER BY b.level, b.first_day;

-- name: select_system_days
-- One row per UTC day before to_day with closed trades, in order: how many. No day from before retention, whose rollup
-- stays without its decisions. Parameter: to_day.
SELECT d.day, d.trades AS number
FROM scorekeeper.daily_score AS d
WHERE
    d.version IS NULL AND d.symbol IS NULL AND NOT d.after_fees AND d.day < :to_day
    AND NOT EXISTS (
        SELECT 1 FROM scorekeeper.retention AS r
        WHERE d.day < cast(r.decisions_from AT TIME ZONE 'UTC' AS date)
    )
ORDER BY d.day;

-- name: select_agent_days
-- One row per UTC day before to_day on which scored decisions expired, in order: how many signals the agent had that
-- had most. No day from before retention. Parameter: to_day.
SELECT d.day, max(d.signals) AS number
FROM scorekeeper.agent_daily_score AS d
WHERE
    d.version IS NULL AND d.symbol IS NULL AND d.day < :to_day
    AND NOT EXISTS (
        SELECT 1 FROM scorekeeper.retention AS r
        WHERE d.day < cast(r.decisions_from AT TIME ZONE 'UTC' AS date)
    )
GROUP BY d.day
ORDER BY d.day;

-- name: select_part_block_blocked
-- One row: whether a stretch must not be added up now: one of its days has changed, or belongs to another stretch of
-- that level, or to none of the level below, since that one was deleted meanwhile.
-- Parameters: kind, level, first_day, last_day.
SELECT
    EXISTS (
        SELECT 1 FROM scorekeeper.stale_day AS s
        WHERE s.kind = :kind AND s.day BETWEEN :first_day AND :last_day
    )
    OR EXISTS (
        SELECT 1 FROM scorekeeper.part_block AS b
        WHERE b.kind = :kind AND b.level = :level AND b.first_day <= :last_day AND b.last_day >= :first_day
    )
    OR (
        cast(:level AS integer) > 1
        AND (
            SELECT coalesce(sum(b.last_day - b.first_day + 1), 0) FROM scorekeeper.part_block AS b
            WHERE
                b.kind = :kind AND b.level = cast(:level AS integer) - 1
                AND b.first_day >= :first_day AND b.last_day <= :last_day
        ) < cast(:last_day AS date) - cast(:first_day AS date) + 1
    ) AS blocked;

-- name: part_of_decisions
-- One row per breakdown and decision that is neither voided nor suspect: its part, and the columns that counts of parts
-- need. By exit_reason it is null: the trade has it.
SELECT
    d.trade_id, d.version, d.direction, d.expires_at, d.horizon_known_at, d.horizon_return_pct, p.breakdown, p.part
FROM scorekeeper.decision AS d
CROSS JOIN
    LATERAL (
        VALUES
        ('symbol', d.symbol),
        ('interval', d.bar_interval),
        ('side', CASE d.direction WHEN 1 THEN 'long' ELSE 'short' END),
        ('exit_reason', null),
        ('version', d.version),
        ('confidence', cast(width_bucket(d.confidence, ARRAY[10, 20, 30, 40, 50, 60, 70, 80, 90]) AS text)),
        ('weekday', to_char(d.opened_at AT TIME ZONE 'UTC', 'ID')),
        ('hour', to_char(d.opened_at AT TIME ZONE 'UTC', 'HH24'))
    ) AS p (breakdown, part)
WHERE d.voided_at IS NULL AND d.price_suspect IS NOT TRUE;

-- name: select_made_days
-- One row: a number. It is another one once a day in [first_day, last_day] was scored again: the rollup has other rows
-- then. Parameters: first_day, last_day.
SELECT coalesce(sum(hashtextextended(concat_ws(' ', d.xmin, d.ctid), 0)), 0) AS made
FROM scorekeeper.daily_score AS d
WHERE d.day BETWEEN :first_day AND :last_day;

-- name: select_made_agent_days
-- One row: the same of the rollups of agents. Parameters: first_day, last_day.
SELECT coalesce(sum(hashtextextended(concat_ws(' ', d.xmin, d.ctid), 0)), 0) AS made
FROM scorekeeper.agent_daily_score AS d
WHERE d.day BETWEEN :first_day AND :last_day;

-- name: count_system_parts
-- One row per breakdown and part, version (null: all), basis (gross, after fees) and exit day in [since, until): the
-- columns of daily_score. Parameters: since, until.
-- with part_of: metrics/part_of_decisions
WITH counted AS ( -- noqa: ST03
    SELECT
        cast(t.exit_time AT TIME ZONE 'UTC' AS date) AS day, s.version, cast(null AS text) AS symbol,
        ARRAY[p.breakdown, CASE p.breakdown WHEN 'exit_reason' THEN t.exit_reason ELSE p.part END] AS group_value,
        b.after_fees, t.trade_id, t.opened_at, t.exit_time, b.pnl, t.mfe_pct, t.mae_pct
    FROM scorekeeper.trade AS t
    INNER JOIN part_of AS p ON t.trade_id = p.trade_id
    CROSS JOIN LATERAL (VALUES (null), (t.version)) AS s (version)
    CROSS JOIN LATERAL (VALUES (false, t.pnl_pct), (true, t.net_pnl_pct)) AS b (after_fees, pnl)
    WHERE t.exit_time >= cast(:since AS timestamptz) AND t.exit_time < cast(:until AS timestamptz)
)
-- with summed: metrics/sum_counted_trades
SELECT
    group_value[1] AS breakdown, version, group_value[2] AS part, after_fees,
    day, trades, winners, losers, sum_pct, sum_squares, sum_winners_pct, sum_losers_pct, hold_seconds,
    hold_seconds_winners, hold_seconds_losers, sum_mfe_pct, sum_mae_pct, sum_given_back_pct, path_high_pct,
    path_high_at, path_low_pct, path_fall_pct, first_exit_at, leading_wins, trailing_wins, longest_wins,
    leading_losses, trailing_losses, longest_losses
FROM summed
ORDER BY breakdown, version, part, after_fees, day;

-- name: count_agent_parts
-- One row per breakdown and part, version and agent: the columns of agent_daily_score, of the decisions that expired in
-- [since, until). No row by exit_reason, and by side those of decisions that opened a trade: see count_agents. The day
-- of a trade that closes after the last track has changed until then: see keep_stale_days. So each closed one counts.
-- Parameters: since, until.
-- with part_of: metrics/part_of_decisions
WITH said AS ( -- noqa: ST03
    SELECT
        cast(null AS date) AS day, cast(null AS text) AS version, cast(null AS text) AS symbol,
        ARRAY[n.breakdown, n.version, n.part] AS group_value,
        a.agent, a.direction, a.confidence, n.horizon_known_at, n.horizon_return_pct, t.pnl_pct, t.direction AS side
    FROM part_of AS n
    INNER JOIN scorekeeper.agent_signal AS a ON n.trade_id = a.trade_id
    LEFT JOIN scorekeeper.trade AS t ON n.trade_id = t.trade_id AND t.exit_time IS NOT NULL
    WHERE
        n.breakdown <> 'exit_reason'
        AND n.expires_at >= cast(:since AS timestamptz) AND n.expires_at < cast(:until AS timestamptz)
        AND (n.horizon_known_at IS NOT NULL OR t.trade_id IS NOT NULL)
        AND (n.breakdown <> 'side' OR n.direction <> 0)
)
-- with summed: metrics/sum_counted_signals
SELECT
    group_value[1] AS breakdown, group_value[2] AS version, group_value[3] AS part,
    agent, signals, calls, correct, incorrect, sum_call_return_pct, brier_calls, sum_brier,
    bin_correct, bin_confidence,
    supported_winners, supported_losers, opposed_winners, opposed_losers, abstained_winners, abstained_losers
FROM summed
ORDER BY breakdown, version, part, agent;

-- name: select_parts_to_merge
-- One row per breakdown, version (null: all) and stretch of days of the level below that lies in [first_day, last_day],
-- in order: its parts. Parameters: kind, level, first_day, last_day.
SELECT p.breakdown, p.version, cast(p.parts AS text) AS parts
FROM scorekeeper.part_block AS b
INNER JOIN scorekeeper.part_sums AS p
    ON b.kind = p.kind AND b.first_day = p.first_day AND b.last_day = p.last_day
WHERE b.kind = :kind AND b.level = :level AND b.first_day >= :first_day AND b.last_day <= :last_day
ORDER BY p.breakdown, p.version, b.first_day;

-- name: insert_part_block
-- One row: a stretch of days that is added up. Parameters: kind, level, first_day, last_day.
INSERT INTO scorekeeper.part_block (kind, first_day, last_day, level)
VALUES (:kind, :first_day, :last_day, :level);

-- name: insert_part_sums
-- One row: the parts of a stretch of days. Parameters: kind, first_day, last_day, breakdown, version, parts.
INSERT INTO scorekeeper.part_sums (kind, first_day, last_day, breakdown, version, parts)
VALUES (:kind, :first_day, :last_day, :breakdown, :version, cast(:parts AS json));

-- name: delete_changed_part_blocks
-- One row per stretch that contains a given day: it is to be added up again. Parameters: days, agent_days (date arrays:
-- of the system's rollups, of the agents'), from_day (the first of them all).
DELETE FROM scorekeeper.part_block AS b
WHERE
    b.last_day >= :from_day
    AND EXISTS (
        SELECT 1
        FROM
            unnest(
                CASE b.kind WHEN 'system' THEN cast(:days AS date[]) ELSE cast(:agent_days AS date[]) END
            ) AS d (day)
        WHERE d.day BETWEEN b.first_day AND b.last_day
    );

-- name: delete_old_part_blocks
-- One row per stretch that begins before retention: not all of its decisions are there.
DELETE FROM scorekeeper.part_block AS b
USING scorekeeper.retention AS r
WHERE b.first_day < cast(r.decisions_from AT TIME ZONE 'UTC' AS date);

-- name: select_changed_days
-- One row per UTC day in [from_day, to_day) whose rollup of a kind is to be made again, in order.
-- Parameters: kind, from_day, to_day.
SELECT s.day
FROM scorekeeper.stale_day AS s
WHERE s.kind = :kind AND s.day >= :from_day AND s.day < :to_day
ORDER BY s.day;
