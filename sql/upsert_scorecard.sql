-- One row: what a version (null: all) comes to at `as_of`, instead of what it came to before.
-- Parameters: version, as_of, answer. Called by scorecard.
INSERT INTO scorekeeper.scorecard (version, as_of, answer)
VALUES (:version, :as_of, cast(:answer AS json))
ON CONFLICT (version) DO UPDATE SET as_of = excluded.as_of, answer = excluded.answer, outdated = false;
