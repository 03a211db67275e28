-- One row per row that contradicts another table (trades, candles, lines, equity): what it is, and what is wrong.
SELECT
    'trade ' || t.trade_id AS what, x.name || ' is ' || coalesce(x.found, 'none') || ', its decision''s '
    || coalesce(x.wanted, 'none') AS fault
FROM scorekeeper.trade AS t
INNER JOIN scorekeeper.decision AS d ON t.trade_id = d.trade_id
-- A trade that had closed before its price was judged keeps the decision's own units.
CROSS JOIN
    LATERAL (
        VALUES (
            CASE
                WHEN t.price_source IN ('quote', 'imported') AND t.entry_price = d.price THEN 1
                ELSE coalesce(d.price_scale, 1)
            END
        )
    ) AS s (scale)
CROSS JOIN
    LATERAL (
        VALUES
        ('symbol', t.symbol, d.symbol),
        ('version', t.version, d.version),
        ('direction', cast(t.direction AS text), cast(d.direction AS text)),
        ('entry_price', cast(t.entry_price AS text), cast(d.price * s.scale AS text)),
        ('opened_at', cast(t.opened_at AS text), cast(d.opened_at AS text)),
        ('expires_at', cast(t.expires_at AS text), cast(d.expires_at AS text)),
        ('stop_loss', cast(t.stop_loss AS text), cast(d.stop_loss * s.scale AS text)),
        ('take_profit', cast(t.take_profit AS text), cast(d.take_profit * s.scale AS text)),
        ('trailing_stop_pct', cast(t.trailing_stop_pct AS text), cast(d.trailing_stop_pct AS text))
    ) AS x (name, found, wanted)
WHERE x.found IS DISTINCT FROM x.wanted
UNION ALL
SELECT
    'decision ' || e.trade_id,
    'it asks for a close as ' || x.name || ' ' || x.found || ', and is ' || x.wanted
FROM scorekeeper.exit_request AS e
INNER JOIN scorekeeper.decision AS d ON e.trade_id = d.trade_id
CROSS JOIN
    LATERAL (
        VALUES
        ('symbol', e.symbol, d.symbol),
        ('version', e.version, d.version),
        ('asked_at', cast(e.asked_at AS text), cast(d.opened_at AS text)),
        ('voided', cast(e.voided AS text), cast(d.voided_at IS NOT NULL AS text)),
        ('side', cast(e.side AS text), cast(CASE d.direction WHEN 0 THEN e.side ELSE -d.direction END AS text))
    ) AS x (name, found, wanted)
WHERE x.found IS DISTINCT FROM x.wanted
UNION ALL
SELECT 'candles of ' || k.symbol, k.candles || ' lie outside of what is sealed'
FROM (
    SELECT c.symbol, count(*) AS candles
    FROM scorekeeper.candle AS c
    LEFT JOIN scorekeeper.candle_coverage AS s ON c.symbol = s.symbol
    WHERE
        s.symbol IS NULL OR c.minute_at < s.sealed_from
        OR coalesce(c.ends_at, c.minute_at + (SELECT l.length FROM scorekeeper.report_candle_length AS l))
        > s.sealed_until
    GROUP BY c.symbol
) AS k
UNION ALL
SELECT 'candles of ' || s.symbol, 'are sealed until ' || s.sealed_until || ', and no track has got so far'
FROM scorekeeper.candle_coverage AS s
CROSS JOIN scorekeeper.market AS m
WHERE s.sealed_until > m.begun_as_of
UNION ALL
SELECT 'revisions of ' || r.symbol, count(*) || ' are of minutes of which nothing is sealed'
FROM scorekeeper.candle_revision AS r
WHERE
    NOT EXISTS (
        SELECT 1 FROM scorekeeper.candle_coverage AS s
        WHERE s.symbol = r.symbol AND r.minute_at < s.sealed_until
    )
GROUP BY r.symbol
UNION ALL
SELECT 'published lines', 'are numbered up to ' || max(e.line_no) || ', and there are ' || count(e.line_no)
FROM scorekeeper.event AS e
-- Lines up to this one may be of deleted decisions.
CROSS JOIN (SELECT coalesce(max(k.until_line_no), 0) AS line_no FROM scorekeeper.kept_lines AS k) AS k
WHERE e.line_no > k.line_no
GROUP BY k.line_no
HAVING max(e.line_no) - k.line_no <> count(e.line_no) OR min(e.line_no) <> k.line_no + 1
UNION ALL
SELECT 'decision ' || e.trade_id, 'its ' || e.kind || ' is published, and is not known'
FROM scorekeeper.event AS e
INNER JOIN scorekeeper.decision AS d ON e.trade_id = d.trade_id
LEFT JOIN scorekeeper.trade AS t ON e.trade_id = t.trade_id
WHERE
    (e.kind = 'outcome' AND t.exit_time IS NULL) OR (e.horizon_known AND d.horizon_known_at IS NULL)
UNION ALL
SELECT p.path, 'is published up to line ' || p.published_line_no || ', and there are ' || coalesce(max(e.line_no), 0)
FROM scorekeeper.publication AS p
LEFT JOIN scorekeeper.event AS e ON e.line_no IS NOT NULL
GROUP BY p.path, p.published_line_no
HAVING
    p.published_line_no > greatest(
        coalesce(max(e.line_no), 0), (SELECT coalesce(max(k.until_line_no), 0) FROM scorekeeper.kept_lines AS k)
    )
UNION ALL
SELECT 'equity of ' || q.version || ' at ' || q.as_of, 'cannot have been known then'
FROM scorekeeper.equity AS q
CROSS JOIN scorekeeper.market AS m
WHERE q.as_of > m.begun_as_of OR q.marked_trades > q.open_trades OR q.oldest_mark_at > q.as_of
UNION ALL
SELECT 'market', 'its last track, ' || last_as_of || ', lies after the last one begun, ' || begun_as_of
FROM scorekeeper.market
WHERE last_as_of > begun_as_of;
