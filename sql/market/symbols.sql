-- name: select_held_spellings
-- One row per spelling of a symbol that waits for the market's list, in order.
SELECT DISTINCT d.raw_symbol COLLATE "C" AS raw_symbol
FROM scorekeeper.held_decision AS h
INNER JOIN scorekeeper.decision AS d ON h.trade_id = d.trade_id
ORDER BY raw_symbol;

-- name: insert_symbol_readings
-- One row per spelling that the market's list has read. Parameter: rows (a JSON array of spelled, symbol).
INSERT INTO scorekeeper.symbol_reading (spelled, symbol)
SELECT
    g.spelled,
    g.symbol
FROM jsonb_to_recordset(cast(:rows AS jsonb)) AS g (spelled text, symbol text)
ON CONFLICT (spelled) DO UPDATE SET
    symbol = excluded.symbol
WHERE symbol_reading.symbol <> excluded.symbol;

-- name: select_symbol
-- One row: the symbol that a spelling means. It is the one that the market's list gave; else the spelling itself, if
-- decisions were scored under it; else the custom reading. Parameters: spelled, custom.
SELECT
    coalesce(
        (
            SELECT r.symbol FROM scorekeeper.symbol_reading AS r
            WHERE r.spelled = :spelled
        ),
        (
            SELECT max(s.symbol) FROM scorekeeper.daily_score AS s
            WHERE s.symbol = :spelled
        ),
        (
            SELECT max(s.symbol) FROM scorekeeper.agent_daily_score AS s
            WHERE s.symbol = :spelled
        ),
        :custom
    ) AS symbol;
