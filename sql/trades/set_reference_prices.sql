-- One row per decision that gets its reference price: the close of the last sealed candle that was complete at
-- opened_at and less than a week old, else the open of the first later one. A decision's price too far from it is
-- suspect. A trade's prices from before a split get the units of the candles. One more row per decision that a
-- settlement reads for the first time: it is tracked from now on.
-- Where the sealed candles decide the horizon return too, it is set by the same update, since an update writes the row
-- and its index entries again. These ids go to settled_decision: the count of rows is theirs.
-- Parameters: as_of, suspect_price_pct, asked (a JSON array of symbol, opened_at, sealed_from: the market has said what
-- came before the decisions from opened_at on, and the sealed range has to begin at sealed_from for it; null: of all).
-- Looked up by symbol, and passed on as an array, for the reasons that close_due_trades gives.
WITH bar AS (
    SELECT l.length FROM scorekeeper.report_candle_length AS l
),
fresh AS (
    SELECT near.trade_id
    FROM scorekeeper.candle_coverage AS c
    INNER JOIN LATERAL (
        SELECT d.trade_id FROM scorekeeper.decision AS d
        WHERE
            d.reference_price IS NULL AND d.symbol = c.symbol AND d.opened_at >= c.sealed_from
            AND d.opened_at <= least(cast(:as_of AS timestamptz), c.sealed_until + interval '59.999999 seconds')
        ORDER BY d.opened_at OFFSET 0
    ) AS near ON true
),
asked AS (
    SELECT g.symbol, g.opened_at, g.sealed_from
    FROM jsonb_to_recordset(cast(:asked AS jsonb)) AS g (symbol text, opened_at timestamptz, sealed_from timestamptz)
),
-- Whether the price before may still come: it may for a decision that came in after the market was asked. Judged here,
-- because another statement would not see the same decisions.
back_filled AS (
    SELECT
        c.symbol,
        CASE
            WHEN cast(:asked AS jsonb) IS NULL THEN c.filled_back
            ELSE
                (c.filled_back OR asked.symbol IS NOT NULL)
                AND NOT EXISTS (
                    SELECT 1 FROM scorekeeper.decision AS d
                    WHERE
                        d.symbol = c.symbol AND d.reference_price IS NULL
                        AND d.opened_at <= cast(:as_of AS timestamptz)
                        AND d.opened_at < c.sealed_from + bar.length
                        AND d.opened_at < coalesce(asked.opened_at, 'infinity')
                )
        END AS filled_back
    FROM scorekeeper.candle_coverage AS c
    CROSS JOIN bar
    LEFT JOIN asked ON c.symbol = asked.symbol AND c.sealed_from <= asked.sealed_from
),
noted AS (
    UPDATE scorekeeper.candle_coverage AS c
    SET filled_back = b.filled_back
    FROM back_filled AS b
    WHERE c.symbol = b.symbol AND c.filled_back <> b.filled_back
),
met AS (
    SELECT
        d.trade_id, d.symbol, d.opened_at, d.expires_at AS ends_at, d.price,
        coalesce(before.close, after.open) AS reference_price,
        d.horizon_known_at IS NULL AND c.sealed_until >= date_trunc('minute', d.expires_at)
        AND d.expires_at <= least(cast(:as_of AS timestamptz), c.sealed_until + interval '59.999999 seconds')
            AS has_ended,
        (
            SELECT u.scale FROM scorekeeper.price_unit AS u
            WHERE
                u.symbol = d.symbol AND u.decided_from <= d.opened_at
                AND (u.decided_until IS NULL OR u.decided_until > d.opened_at)
        ) AS price_scale
    FROM scorekeeper.decision AS d
    INNER JOIN scorekeeper.candle_coverage AS c ON d.symbol = c.symbol
    LEFT JOIN LATERAL (
        SELECT k.close FROM scorekeeper.candle AS k
        WHERE
            k.symbol = d.symbol
            -- Between candles before the sealed range and the range, there may be minutes without known prices.
            -- A price of a week ago is too old, and how far back the range goes depends on earlier decisions.
            AND k.minute_at >= greatest(c.sealed_from, d.opened_at - interval '7 days')
            AND k.minute_at < d.opened_at
            AND coalesce(k.ends_at, k.minute_at + (SELECT bar.length FROM bar)) <= d.opened_at
        ORDER BY k.minute_at DESC LIMIT 1
    ) AS before ON true
    LEFT JOIN LATERAL (
        SELECT k.open FROM scorekeeper.candle AS k
        WHERE
            before.close IS NULL
            AND d.symbol NOT IN (
                SELECT b.symbol FROM back_filled AS b
                WHERE NOT b.filled_back
            )
            AND k.symbol = d.symbol AND k.minute_at > d.opened_at - (SELECT bar.length FROM bar)
            AND (k.ends_at IS NULL OR k.ends_at > d.opened_at)
        ORDER BY k.minute_at LIMIT 1
    ) AS after ON true
    WHERE
        d.trade_id = any(array(SELECT fresh.trade_id FROM fresh))
        -- A decision without a reference price is not settled, so it waits until its symbol is known.
        AND NOT EXISTS (
            SELECT 1 FROM scorekeeper.held_decision AS h
            WHERE h.trade_id = d.trade_id
        )
        AND date_trunc('minute', d.opened_at) BETWEEN c.sealed_from AND c.sealed_until
        AND coalesce(before.close, after.open) IS NOT NULL
),
ended AS ( -- noqa: ST03
    SELECT m.*, coalesce(m.price * coalesce(m.price_scale, 1), m.reference_price) AS base_price
    FROM met AS m
),
-- with priced: trades/end_prices
-- A settlement may run after one with a later as_of, and decides less than that one did: new decisions that it finds
-- wait for the next settlement.
newest AS (
    SELECT
        NOT EXISTS (
            SELECT 1 FROM scorekeeper.market AS m
            WHERE m.settled_as_of > cast(:as_of AS timestamptz)
        ) AS is_newest
),
looked_at AS (
    UPDATE scorekeeper.decision AS d
    SET tracked = true
    FROM newest
    WHERE
        newest.is_newest AND NOT d.tracked AND d.opened_at <= cast(:as_of AS timestamptz)
        -- Hashed whatever the planner expects. It knows nothing of a burst before its statistics do, and would compare
        -- each row of it with each other one.
        AND d.trade_id NOT IN (SELECT met.trade_id FROM met)
),
changed AS (
    UPDATE scorekeeper.decision AS d
    SET
        tracked = d.tracked OR newest.is_newest,
        reference_price = p.reference_price,
        price_scale = p.price_scale,
        price_suspect = coalesce(
            abs(d.price * coalesce(p.price_scale, 1) - p.reference_price) / p.reference_price * 100
            > cast(:suspect_price_pct AS float8),
            false
        ),
        horizon_price = coalesce(p.end_price, d.horizon_price),
        horizon_return_pct = coalesce((p.end_price - p.base_price) / p.base_price * 100, d.horizon_return_pct),
        horizon_known_at
        = CASE WHEN p.end_price IS NULL THEN d.horizon_known_at ELSE cast(:as_of AS timestamptz) END
    FROM priced AS p CROSS JOIN newest
    WHERE d.trade_id = p.trade_id
    RETURNING
        d.trade_id, d.price_suspect, d.price_scale, d.expires_at, d.opened_at, d.version, d.late, d.voided_at,
        p.end_price AS horizon_price
),
-- It counts from now on, also at moments that are learned already.
unlearned AS (
    INSERT INTO scorekeeper.stale_learning (version, from_at)
    SELECT c.version, min(c.opened_at)
    FROM changed AS c
    WHERE
        NOT c.price_suspect AND NOT c.late AND c.voided_at IS NULL
        AND c.opened_at <= coalesce(
            (
                SELECT p.learning_until FROM scorekeeper.learning_progress AS p
                WHERE p.version = c.version
            ),
            (SELECT max(p.learning_until) FROM scorekeeper.learning_progress AS p)
        )
    GROUP BY c.version
    ON CONFLICT (version) DO UPDATE SET from_at = least(stale_learning.from_at, excluded.from_at)
),
kept_apart AS (
    UPDATE scorekeeper.trade AS t
    SET
        left_out = t.left_out OR changed.price_suspect,
        entry_price = t.entry_price * coalesce(changed.price_scale, 1),
        stop_loss = t.stop_loss * coalesce(changed.price_scale, 1),
        take_profit = t.take_profit * coalesce(changed.price_scale, 1),
        best_price = t.best_price * coalesce(changed.price_scale, 1)
    FROM changed
    WHERE
        t.trade_id = changed.trade_id
        AND (changed.price_suspect OR (changed.price_scale IS NOT NULL AND t.exit_time IS NULL))
),
-- Only a trade that a quote or an import closed, before any candle was known, has been scored already.
stale AS (
    INSERT INTO scorekeeper.stale_day (kind, day)
    SELECT 'system', cast(t.exit_time AT TIME ZONE 'UTC' AS date)
    FROM changed INNER JOIN scorekeeper.trade AS t ON changed.trade_id = t.trade_id
    WHERE changed.price_suspect AND t.exit_time IS NOT NULL
    UNION
    SELECT 'agent', cast(changed.expires_at AT TIME ZONE 'UTC' AS date)
    FROM changed INNER JOIN scorekeeper.trade AS t ON changed.trade_id = t.trade_id
    WHERE changed.price_suspect AND t.exit_time IS NOT NULL
    -- Not DO NOTHING: a transaction that takes the day off the list must wait for the changes of this one.
    ON CONFLICT (kind, day) DO UPDATE SET day = excluded.day
)
INSERT INTO settled_decision (trade_id)
SELECT trade_id FROM changed
WHERE horizon_price IS NOT NULL;
