-- One row: the market of this database, bound by whoever comes first. Parameters: name, at. Called by settle.
INSERT INTO scorekeeper.market (name, bound_at)
VALUES (:name, :at)
ON CONFLICT (only_row) DO UPDATE SET only_row = true
RETURNING name, last_as_of;
