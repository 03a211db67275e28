-- One row: a market that a track has just looked at. Parameter: as_of. Called by benchmarks.dashboard.
INSERT INTO scorekeeper.market (name, bound_at, begun_as_of, last_as_of, settled_as_of)
VALUES (
    'replay:benchmark', cast(:as_of AS timestamptz), cast(:as_of AS timestamptz), cast(:as_of AS timestamptz),
    cast(:as_of AS timestamptz)
);
-- One row per symbol and minute of two days before as_of: the candles around the trades that closed last.
-- Parameter: as_of. Called by benchmarks.dashboard.
INSERT INTO scorekeeper.candle (symbol, minute_at, open, high, low, close, volume)
SELECT
    'S' || s || '/USDT', cast(:as_of AS timestamptz) - n * interval '1 minute', 100, 100.5, 99.5, 100 + n % 7 * 0.05, 1
FROM generate_series(0, 9) AS s CROSS JOIN generate_series(1, 2880) AS n;
-- One row per symbol. Parameter: as_of. Called by benchmarks.dashboard.
INSERT INTO scorekeeper.candle_coverage (symbol, sealed_from, sealed_until, settled_until, filled_back)
SELECT
    'S' || s || '/USDT', cast(:as_of AS timestamptz) - interval '2 days', cast(:as_of AS timestamptz),
    cast(:as_of AS timestamptz), true
FROM generate_series(0, 9) AS s;
-- One row: what a track leaves behind that changes every page. Called by benchmarks.dashboard.
UPDATE scorekeeper.market SET last_as_of = last_as_of + interval '1 second';
