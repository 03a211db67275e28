-- name: keep_price_bases
-- One row per symbol with splits that has no basis yet. What is sealed already has the units of its last day.
-- Parameter: rows (a JSON array of symbol, adjusted_on).
INSERT INTO scorekeeper.price_basis (symbol, adjusted_on)
SELECT
    g.symbol,
    coalesce(cast((last.ended_at - interval '1 microsecond') AT TIME ZONE 'UTC' AS date), g.adjusted_on)
FROM jsonb_to_recordset(cast(:rows AS jsonb)) AS g (symbol text, adjusted_on date)
LEFT JOIN LATERAL (
    SELECT coalesce(k.ends_at, k.minute_at + l.length) AS ended_at
    FROM scorekeeper.candle AS k CROSS JOIN scorekeeper.report_candle_length AS l
    WHERE k.symbol = g.symbol
    ORDER BY k.minute_at DESC LIMIT 1
) AS last ON true
ON CONFLICT (symbol) DO NOTHING;

-- name: select_price_bases
-- One row per symbol with splits: the units of its candles.
SELECT symbol, adjusted_on
FROM scorekeeper.price_basis;

-- name: replace_price_units
-- One row per symbol and time between two splits whose decisions' prices have other units than the candles. Rows of the
-- given symbols that are not among them are deleted. A decision whose price was judged keeps its scale.
-- Parameters: symbols (an array), rows (a JSON array of symbol, decided_from, decided_until, scale).
WITH given AS (
    SELECT g.symbol, g.decided_from, g.decided_until, g.scale
    FROM
        jsonb_to_recordset(cast(:rows AS jsonb))
            AS g (symbol text, decided_from timestamptz, decided_until timestamptz, scale float8)
),
over AS (
    DELETE FROM scorekeeper.price_unit AS u
    WHERE
        u.symbol = any(cast(:symbols AS text[]))
        AND NOT EXISTS (
            SELECT 1 FROM given
            WHERE given.symbol = u.symbol AND given.decided_from = u.decided_from
        )
)
INSERT INTO scorekeeper.price_unit (symbol, decided_from, decided_until, scale)
SELECT given.symbol, given.decided_from, given.decided_until, given.scale
FROM given
ON CONFLICT (symbol, decided_from) DO UPDATE SET
    decided_until = excluded.decided_until, scale = excluded.scale
WHERE (price_unit.decided_until, price_unit.scale) IS DISTINCT FROM (excluded.decided_until, excluded.scale);
