-- One row per symbol of those given of which something is decided by minutes beyond what is sealed. Parameters: symbols
-- (an array), as_of.
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
