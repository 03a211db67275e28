-- One row: the moment of the scorecards that are kept; null: there are none.
SELECT max(s.as_of) AS as_of
FROM scorekeeper.scorecard AS s;
