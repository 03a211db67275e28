-- One row per trade that the sealed candles close, by the rules of "A trade's life"; the ids go to settled_trade.
-- The statement reads only: trades that no settlement has read yet (their whole past, once); trades whose time is up
-- (by expiry, by a request, or by a decision that match_exits has noted); trades whose stop, trailing level or target
-- the newly sealed candles touched; trailing trades that got a new best price from these candles, which moves their
-- level for the rest of them and for later ones.
-- Parameter: as_of.
WITH bar AS (
    SELECT l.length FROM scorekeeper.report_candle_length AS l
),
-- No candle lasts longer than bar.length, so the bounds on minute_at, which an index serves, leave out none.
moved AS (
    SELECT c.symbol, new.low, new.high
    FROM scorekeeper.candle_coverage AS c
    INNER JOIN LATERAL (
        SELECT min(k.low) AS low, max(k.high) AS high
        FROM scorekeeper.candle AS k
        WHERE
            k.symbol = c.symbol
            AND k.minute_at > c.settled_until - (SELECT bar.length FROM bar) AND k.minute_at < c.sealed_until
            AND (k.ends_at IS NULL OR k.ends_at > c.settled_until)
    ) AS new ON true
    WHERE c.settled_until < c.sealed_until
),
-- Up to when each symbol's sealed candles decide what is due.
ready AS (
    SELECT
        symbol, least(cast(:as_of AS timestamptz), sealed_until + interval '59.999999 seconds') AS decided_until
    FROM scorekeeper.candle_coverage
),
-- OFFSET 0, and a second bound that every value meets, make the planner use the indexes, symbol by symbol. It estimates
-- a join on one inequality as a third of all trades, and would read every trade.
concerned AS (
    SELECT near.trade_id
    FROM ready
    INNER JOIN LATERAL (
        SELECT t.trade_id FROM scorekeeper.trade AS t
        WHERE
            t.exit_time IS NULL AND NOT t.scanned AND t.symbol = ready.symbol AND t.opened_at <= :as_of
        ORDER BY t.opened_at OFFSET 0
    ) AS near ON true
    UNION ALL
    SELECT near.trade_id
    FROM ready
    INNER JOIN LATERAL (
        SELECT t.trade_id FROM scorekeeper.trade AS t
        WHERE
            t.exit_time IS NULL AND t.symbol = ready.symbol
            AND t.due_at <= ready.decided_until AND t.due_at > '-infinity'
        ORDER BY t.due_at OFFSET 0
    ) AS near ON true
    UNION ALL
    SELECT near.trade_id
    FROM ready
    INNER JOIN LATERAL (
        SELECT t.trade_id FROM scorekeeper.trade AS t
        WHERE
            t.exit_time IS NULL AND t.symbol = ready.symbol
            AND t.signal_at <= ready.decided_until AND t.signal_at > '-infinity'
        ORDER BY t.signal_at OFFSET 0
    ) AS near ON true
    UNION ALL
    SELECT near.trade_id
    FROM moved
    INNER JOIN LATERAL (
        SELECT t.trade_id FROM scorekeeper.trade AS t
        WHERE
            t.exit_time IS NULL AND t.direction = 1 AND t.symbol = moved.symbol
            AND t.stop_loss >= moved.low AND t.stop_loss < 'infinity'
        ORDER BY t.stop_loss OFFSET 0
    ) AS near ON true
    UNION ALL
    SELECT near.trade_id
    FROM moved
    INNER JOIN LATERAL (
        SELECT t.trade_id FROM scorekeeper.trade AS t
        WHERE
            t.exit_time IS NULL AND t.direction = 1 AND t.symbol = moved.symbol
            AND t.take_profit <= moved.high AND t.take_profit > 0
        ORDER BY t.take_profit OFFSET 0
    ) AS near ON true
    UNION ALL
    SELECT near.trade_id
    FROM moved
    INNER JOIN LATERAL (
        SELECT t.trade_id FROM scorekeeper.trade AS t
        WHERE
            t.exit_time IS NULL AND t.direction = -1 AND t.symbol = moved.symbol
            AND t.stop_loss <= moved.high AND t.stop_loss > 0
        ORDER BY t.stop_loss OFFSET 0
    ) AS near ON true
    UNION ALL
    SELECT near.trade_id
    FROM moved
    INNER JOIN LATERAL (
        SELECT t.trade_id FROM scorekeeper.trade AS t
        WHERE
            t.exit_time IS NULL AND t.direction = -1 AND t.symbol = moved.symbol
            AND t.take_profit >= moved.low AND t.take_profit < 'infinity'
        ORDER BY t.take_profit OFFSET 0
    ) AS near ON true
    UNION ALL
    SELECT near.trade_id
    FROM moved
    INNER JOIN LATERAL (
        SELECT t.trade_id FROM scorekeeper.trade AS t
        WHERE
            t.exit_time IS NULL AND t.direction = 1 AND t.symbol = moved.symbol
            AND t.best_price < moved.high AND t.best_price > 0
        ORDER BY t.best_price OFFSET 0
    ) AS near ON true
    UNION ALL
    SELECT near.trade_id
    FROM moved
    INNER JOIN LATERAL (
        SELECT t.trade_id FROM scorekeeper.trade AS t
        WHERE
            t.exit_time IS NULL AND t.direction = 1 AND t.symbol = moved.symbol
            AND t.trailing_level >= moved.low AND t.trailing_level < 'infinity'
        ORDER BY t.trailing_level OFFSET 0
    ) AS near ON true
    UNION ALL
    SELECT near.trade_id
    FROM moved
    INNER JOIN LATERAL (
        SELECT t.trade_id FROM scorekeeper.trade AS t
        WHERE
            t.exit_time IS NULL AND t.direction = -1 AND t.symbol = moved.symbol
            AND t.best_price > moved.low AND t.best_price < 'infinity'
        ORDER BY t.best_price OFFSET 0
    ) AS near ON true
    UNION ALL
    SELECT near.trade_id
    FROM moved
    INNER JOIN LATERAL (
        SELECT t.trade_id FROM scorekeeper.trade AS t
        WHERE
            t.exit_time IS NULL AND t.direction = -1 AND t.symbol = moved.symbol
            AND t.trailing_level <= moved.high AND t.trailing_level > 0
        ORDER BY t.trailing_level OFFSET 0
    ) AS near ON true
),
-- A trade lives through the candles that open at or after its entry and end at or before it is due.
-- The ids go in as an array, which the planner estimates as a few, whatever it estimates above: a join could become a
-- hash of every trade. An array also counts an id that was found twice only once.
living AS (
    SELECT
        t.*, c.sealed_until, least(t.due_at, t.signal_at) AS ends_at,
        -- A candle that ends after this has not been compared with the trade yet.
        CASE WHEN t.scanned THEN greatest(c.settled_until, t.opened_at) ELSE t.opened_at END AS compared_until
    FROM scorekeeper.trade AS t
    INNER JOIN scorekeeper.candle_coverage AS c ON t.symbol = c.symbol
    WHERE
        t.trade_id = any(array(SELECT concerned.trade_id FROM concerned))
        AND t.opened_at <= :as_of AND c.sealed_from <= date_trunc('minute', t.opened_at)
        -- A trade that came in after set_reference_prices ran waits: its price must be judged first.
        AND EXISTS (
            SELECT 1 FROM scorekeeper.decision AS d
            WHERE d.trade_id = t.trade_id AND d.reference_price IS NOT NULL
        )
),
-- The first candle that touched the stop in force or the target. Trades that do not trail have one stop for all their
-- candles; only for those that do, the best price of the earlier candles is carried along.
touched AS (
    SELECT
        l.*, hit.minute_at AS hit_minute, hit.ended_at AS hit_ended_at, hit.open AS hit_open, hit.stop AS hit_stop,
        coalesce(CASE l.direction WHEN 1 THEN hit.low <= hit.stop ELSE hit.high >= hit.stop END, false) AS at_stop,
        coalesce(CASE l.direction WHEN 1 THEN hit.high >= l.take_profit ELSE hit.low <= l.take_profit END, false)
            AS at_target
    FROM living AS l
    LEFT JOIN LATERAL (
        (
            SELECT
                k.minute_at, coalesce(k.ends_at, k.minute_at + (SELECT bar.length FROM bar)) AS ended_at,
                k.open, k.high, k.low, l.stop_loss AS stop
            FROM scorekeeper.candle AS k
            WHERE
                l.trailing_stop_pct IS NULL
                AND k.symbol = l.symbol
                AND k.minute_at >= l.opened_at
                AND k.minute_at > l.compared_until - (SELECT bar.length FROM bar)
                AND (k.ends_at IS NULL OR k.ends_at > l.compared_until)
                AND k.minute_at < l.ends_at
                AND coalesce(k.ends_at, k.minute_at + (SELECT bar.length FROM bar)) <= l.ends_at
                AND (
                    (l.direction = 1 AND (k.low <= l.stop_loss OR k.high >= l.take_profit))
                    OR (l.direction = -1 AND (k.high >= l.stop_loss OR k.low <= l.take_profit))
                )
            ORDER BY k.minute_at LIMIT 1
        )
        UNION ALL
        (
            SELECT f.minute_at, f.ended_at, f.open, f.high, f.low, tighter.stop
            FROM (
                SELECT
                    k.minute_at, coalesce(k.ends_at, k.minute_at + (SELECT bar.length FROM bar)) AS ended_at,
                    k.open, k.high, k.low,
                    CASE l.direction
                        WHEN 1
                            THEN greatest(l.best_price, max(k.high) OVER earlier) * (1 - l.trailing_stop_pct / 100)
                        ELSE least(l.best_price, min(k.low) OVER earlier) * (1 + l.trailing_stop_pct / 100)
                    END AS level
                FROM scorekeeper.candle AS k
                WHERE
                    l.trailing_stop_pct IS NOT NULL
                    AND k.symbol = l.symbol
                    AND k.minute_at >= l.opened_at
                    AND k.minute_at > l.compared_until - (SELECT bar.length FROM bar)
                    AND (k.ends_at IS NULL OR k.ends_at > l.compared_until)
                    AND k.minute_at < l.ends_at
                    AND coalesce(k.ends_at, k.minute_at + (SELECT bar.length FROM bar)) <= l.ends_at
                WINDOW earlier AS (ORDER BY k.minute_at ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
            ) AS f
            INNER JOIN LATERAL (
                SELECT CASE l.direction WHEN 1 THEN greatest(l.stop_loss, f.level) ELSE least(l.stop_loss, f.level) END
                    AS stop
            ) AS tighter ON true
            WHERE
                (l.direction = 1 AND (f.low <= tighter.stop OR f.high >= l.take_profit))
                OR (l.direction = -1 AND (f.high >= tighter.stop OR f.low <= l.take_profit))
            ORDER BY f.minute_at LIMIT 1
        )
    ) AS hit ON true
),
ended AS ( -- noqa: ST03
    SELECT
        h.*,
        h.at_target AND (NOT h.at_stop OR h.direction * (h.hit_open - h.take_profit) >= 0) AS takes_profit,
        h.hit_minute IS NULL AND h.ends_at <= :as_of AND h.sealed_until >= date_trunc('minute', h.ends_at) AS has_ended
    FROM touched AS h
),
-- with met_end: trades/end_prices
filled AS ( -- noqa: ST03
    SELECT
        x.*,
        CASE
            WHEN x.hit_minute IS NOT NULL AND x.takes_profit THEN x.take_profit
            WHEN x.hit_minute IS NOT NULL AND x.direction = 1 THEN least(x.hit_stop, x.hit_open)
            WHEN x.hit_minute IS NOT NULL THEN greatest(x.hit_stop, x.hit_open)
            ELSE x.end_price
        END AS fill_price,
        CASE
            WHEN x.hit_minute IS NOT NULL THEN x.hit_ended_at
            WHEN x.last_ended_at IS NOT NULL THEN x.ends_at
            ELSE x.next_minute_at
        END AS fill_time,
        CASE
            WHEN x.hit_minute IS NOT NULL AND x.takes_profit THEN 'take_profit'
            WHEN x.hit_minute IS NOT NULL AND x.hit_stop = x.stop_loss THEN 'stop_loss'
            WHEN x.hit_minute IS NOT NULL THEN 'trailing_stop'
            WHEN x.ends_at = x.expires_at THEN 'expired'
            WHEN x.ends_at = x.close_requested_at THEN 'manual'
            ELSE 'signal'
        END AS fill_reason,
        CASE
            WHEN x.hit_minute IS NOT NULL THEN NULL
            WHEN x.last_ended_at IS NOT NULL THEN extract(EPOCH FROM x.ends_at - x.last_ended_at)
            ELSE 0
        END AS fill_age_seconds
    FROM met_end AS x
),
-- with priced: trades/returns
-- The candles that a trade lived through whole: those before the exit candle of a stop or target; at an expiry, the
-- last one too. A trailing trade that stays open needs only the new candles for its best price. At the exit the best
-- price follows from all of them, so it does not depend on when settlements ran.
scored AS (
    SELECT
        p.*, lived.high AS lived_high, lived.low AS lived_low,
        CASE
            WHEN p.trailing_stop_pct IS NULL THEN NULL
            WHEN p.direction = 1
                THEN greatest(CASE WHEN p.fill_price IS NULL THEN p.best_price ELSE p.entry_price END, lived.high)
            ELSE least(CASE WHEN p.fill_price IS NULL THEN p.best_price ELSE p.entry_price END, lived.low)
        END AS reached_price
    FROM priced AS p
    LEFT JOIN LATERAL (
        SELECT max(k.high) AS high, min(k.low) AS low
        FROM scorekeeper.candle AS k
        WHERE
            (p.fill_price IS NOT NULL OR p.trailing_stop_pct IS NOT NULL)
            AND k.symbol = p.symbol
            AND k.minute_at >= p.opened_at
            AND (
                p.fill_price IS NOT NULL
                OR (
                    k.minute_at > p.compared_until - (SELECT bar.length FROM bar)
                    AND (k.ends_at IS NULL OR k.ends_at > p.compared_until)
                )
            )
            AND k.minute_at < p.ends_at
            AND coalesce(k.ends_at, k.minute_at + (SELECT bar.length FROM bar)) <= p.ends_at
            AND (p.hit_minute IS NULL OR k.minute_at < p.hit_minute)
    ) AS lived ON true
),
changed AS (
    UPDATE scorekeeper.trade AS t
    SET
        scanned = true,
        best_price = s.reached_price,
        exit_time = s.fill_time,
        exit_price = s.fill_price,
        exit_reason = CASE WHEN s.fill_price IS NOT NULL THEN s.fill_reason END,
        exit_known_at = CASE WHEN s.fill_price IS NOT NULL THEN cast(:as_of AS timestamptz) END,
        price_source = CASE WHEN s.fill_price IS NOT NULL THEN 'market' END,
        price_age_seconds = CASE WHEN s.fill_price IS NOT NULL THEN s.fill_age_seconds END,
        ambiguous_exit = CASE WHEN s.fill_price IS NOT NULL THEN coalesce(s.at_stop AND s.at_target, false) END,
        pnl_pct = s.fill_pnl_pct,
        net_pnl_pct = s.fill_net_pnl_pct,
        mfe_pct = CASE
            WHEN s.fill_price IS NULL THEN NULL
            WHEN s.direction = 1
                THEN greatest(0, s.fill_pnl_pct, (s.lived_high - s.entry_price) / s.entry_price * 100)
            ELSE greatest(0, s.fill_pnl_pct, (s.entry_price - s.lived_low) / s.entry_price * 100)
        END,
        mae_pct = CASE
            WHEN s.fill_price IS NULL THEN NULL
            WHEN s.direction = 1
                THEN least(0, s.fill_pnl_pct, (s.lived_low - s.entry_price) / s.entry_price * 100)
            ELSE least(0, s.fill_pnl_pct, (s.entry_price - s.lived_high) / s.entry_price * 100)
        END
    FROM scored AS s
    WHERE
        t.trade_id = s.trade_id AND t.exit_time IS NULL
        AND (NOT t.scanned OR s.fill_price IS NOT NULL OR s.reached_price <> t.best_price)
    RETURNING t.trade_id, t.exit_time
)
INSERT INTO settled_trade (trade_id)
SELECT trade_id FROM changed
WHERE exit_time IS NOT NULL;
