-- The terms of a market: when it is open.
ALTER TABLE scorekeeper.market ADD COLUMN calendar text;
COMMENT ON COLUMN scorekeeper.market.calendar IS
'Name of the calendar of its sessions, such as XNYS, as the first track bound it; null: it never closes.';

CREATE VIEW scorekeeper.report_terms AS
SELECT m.calendar
FROM scorekeeper.market AS m;
COMMENT ON VIEW scorekeeper.report_terms IS
'One row at most: the calendar of the market, whose sessions are the days of the daily series (null: every day is).';
