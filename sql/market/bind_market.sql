-- At most one row: the market of this database, bound by whoever comes first. Parameters: name, as_of.
INSERT INTO scorekeeper.market (name, bound_at, begun_as_of)
VALUES (:name, :as_of, :as_of)
ON CONFLICT (only_row) DO NOTHING;
