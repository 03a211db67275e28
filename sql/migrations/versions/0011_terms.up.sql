-- The terms of a market: when it is open.
ALTER TABLE scorekeeper.market ADD COLUMN calendar text;
COMMENT ON COLUMN scorekeeper.market.calendar IS
'Name of the calendar of its sessions, such as XNYS, as the first track bound it; null: it never closes.';
