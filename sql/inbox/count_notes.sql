-- One row: decisions of which something could not be read.
SELECT count(*) AS noted FROM scorekeeper.decision AS d
WHERE d.notes IS NOT NULL;
