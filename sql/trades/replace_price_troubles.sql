-- One row per symbol for which a track got no prices, or none up to its as_of; what no longer holds goes.
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
