-- One row: the sealed range of a symbol, which only grows and stays one piece. Parameters: symbol, sealed_from,
-- sealed_until, filled_back (null: as it was).
INSERT INTO scorekeeper.candle_coverage AS c (symbol, sealed_from, sealed_until, settled_until, filled_back)
VALUES (:symbol, :sealed_from, :sealed_until, :sealed_from, coalesce(cast(:filled_back AS boolean), true))
ON CONFLICT (symbol) DO UPDATE SET
    sealed_from = least(c.sealed_from, excluded.sealed_from),
    sealed_until = greatest(c.sealed_until, excluded.sealed_until),
    filled_back = coalesce(cast(:filled_back AS boolean), c.filled_back)
WHERE excluded.sealed_from <= c.sealed_until AND excluded.sealed_until >= c.sealed_from;
