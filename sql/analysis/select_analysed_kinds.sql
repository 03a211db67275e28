-- One row per kind, in order of its number.
SELECT k.version, k.symbol, k.bar_interval
FROM analysed_kind AS k
ORDER BY k.kind_no;
