-- One row: whether this database publishes to a file. Parameter: path.
SELECT exists(
    SELECT 1 FROM scorekeeper.publication AS p
    WHERE p.path = :path
);
