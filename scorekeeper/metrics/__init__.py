"""The score: rollups by day, formulas, scorecards, and the query for any selection."""
