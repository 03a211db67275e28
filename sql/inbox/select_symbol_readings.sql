-- One row per spelling of those given that the market's list has read before. Parameter: spelled (an array).
SELECT spelled, symbol
FROM scorekeeper.symbol_reading
WHERE spelled = any(cast(:spelled AS text[]));
