-- One row: what a version (null: all) comes to at `as_of`, instead of what it came to before; where it was composed,
-- with what its days before `before_day` come to.
-- Parameters: version, as_of, answer, composed, before_day, before.
INSERT INTO scorekeeper.scorecard AS s (version, as_of, answer, before_day, before)
VALUES (:version, :as_of, cast(:answer AS json), :before_day, cast(:before AS json))
ON CONFLICT (version) DO UPDATE SET
    as_of = excluded.as_of, answer = excluded.answer, outdated = false,
    before_day = CASE WHEN :composed THEN excluded.before_day ELSE s.before_day END,
    before = CASE WHEN :composed THEN excluded.before ELSE s.before END;
