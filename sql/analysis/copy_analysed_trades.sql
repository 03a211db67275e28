-- One row per closed trade, in order of opened_at and trade_id; no field is null.
COPY (
    SELECT
        k.kind_no, a.exit_day, a.opened, a.closed, a.pnl_pct, a.net_pnl_pct
    FROM analysed AS a
    INNER JOIN analysed_kind AS k
        ON a.version = k.version AND a.symbol = k.symbol AND a.bar_interval = k.bar_interval
    WHERE a.closed IS NOT NULL
    ORDER BY a.opened, a.trade_id
) TO STDOUT WITH BINARY;
