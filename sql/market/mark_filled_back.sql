-- At most one row: a symbol's back-fill has come to where it was meant to. Parameter: symbol.
UPDATE scorekeeper.candle_coverage
SET filled_back = true
WHERE symbol = :symbol AND NOT filled_back;
