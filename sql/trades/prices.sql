-- name: select_stuck_trades
-- One row per symbol with trades that no candle will close: they opened before the sealed range, and the market no
-- longer keeps older candles. Parameter: as_of.
SELECT t.symbol, count(*) AS trades, c.sealed_from
FROM scorekeeper.candle_coverage AS c
INNER JOIN scorekeeper.trade AS t ON c.symbol = t.symbol
WHERE
    t.exit_time IS NULL AND least(t.due_at, t.signal_at) <= :as_of
    AND date_trunc('minute', t.opened_at) < c.sealed_from
GROUP BY t.symbol, c.sealed_from
ORDER BY t.symbol;

-- name: select_waiting_symbols
-- One row per given symbol with a decision that needs candles beyond the sealed range. Parameters: symbols (an array),
-- as_of.
SELECT s.symbol
FROM unnest(cast(:symbols AS text[])) AS s (symbol)
LEFT JOIN scorekeeper.candle_coverage AS c ON s.symbol = c.symbol
WHERE
    EXISTS (
        SELECT 1 FROM scorekeeper.decision AS d
        WHERE
            d.symbol = s.symbol AND d.horizon_known_at IS NULL AND d.opened_at <= :as_of
            AND (c.symbol IS NULL OR date_trunc('minute', d.expires_at) > c.sealed_until)
    );

-- name: replace_price_troubles
-- One row per symbol for which a track got no prices, or none up to its as_of; rows of other symbols are deleted.
-- Parameters: rows (a JSON array of symbol, kind, says), as_of.
WITH given AS (
    SELECT g.symbol, g.kind, g.says
    FROM jsonb_to_recordset(cast(:rows AS jsonb)) AS g (symbol text, kind text, says text)
),
over AS (
    DELETE FROM scorekeeper.price_trouble AS p
    WHERE
        NOT EXISTS (
            SELECT 1 FROM given
            WHERE given.symbol = p.symbol
        )
)
INSERT INTO scorekeeper.price_trouble AS p (symbol, kind, says, noted_at)
SELECT given.symbol, given.kind, given.says, :as_of
FROM given
ON CONFLICT (symbol) DO UPDATE SET
    kind = excluded.kind, says = excluded.says, noted_at = excluded.noted_at
WHERE (p.kind, p.says) <> (excluded.kind, excluded.says);
