-- One row per decision whose horizon return is known, in no order; no field is null.
COPY (
    SELECT
        a.decision_no, k.kind_no, cast(a.direction AS integer), a.opened, a.expires, a.return_pct
    FROM analysed AS a
    INNER JOIN analysed_kind AS k
        ON a.version = k.version AND a.symbol = k.symbol AND a.bar_interval = k.bar_interval
    WHERE a.decision_no IS NOT NULL
) TO STDOUT WITH BINARY;
