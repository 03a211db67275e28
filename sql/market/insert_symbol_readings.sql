-- One row per spelling that the market's list has read. Parameter: rows (a JSON array of spelled, symbol).
INSERT INTO scorekeeper.symbol_reading (spelled, symbol)
SELECT
    g.spelled,
    g.symbol
FROM jsonb_to_recordset(cast(:rows AS jsonb)) AS g (spelled text, symbol text)
ON CONFLICT (spelled) DO UPDATE SET
    symbol = excluded.symbol
WHERE symbol_reading.symbol <> excluded.symbol;
