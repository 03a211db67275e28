-- One row per version, symbol and interval among what is analysed, numbered from 0.
CREATE TEMPORARY TABLE analysed_kind ON COMMIT DROP AS
SELECT
    k.version, k.symbol, k.bar_interval,
    cast(row_number() OVER (ORDER BY k.version, k.symbol, k.bar_interval) - 1 AS integer) AS kind_no
FROM (SELECT DISTINCT a.version, a.symbol, a.bar_interval FROM analysed AS a) AS k;
