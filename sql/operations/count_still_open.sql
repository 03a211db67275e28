-- One row: trades that are open at as_of, and how many of them are due, for want of a price. Parameter: as_of.
SELECT count(*) AS open_trades, count(*) FILTER (WHERE least(due_at, signal_at) <= :as_of) AS overdue
FROM scorekeeper.trade
WHERE exit_time IS NULL AND opened_at <= :as_of;
