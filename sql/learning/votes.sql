-- name: create_new_votes
-- One row per vote that is new, by the number of its decision in the window; NaN: none.
CREATE TEMPORARY TABLE new_vote (
    decision_no integer, direction integer, equal_direction integer, score double precision,
    equal_score double precision, scale_pct double precision, move_pct double precision, p_up double precision
) ON COMMIT DROP;


-- name: copy_new_votes
-- One row per vote that is new.
COPY new_vote FROM STDIN WITH BINARY;


-- name: insert_votes
-- One row per vote that is new.
INSERT INTO scorekeeper.learned_vote (
    version, opened_at, trade_id, direction, equal_direction, score, equal_score, scale_pct, move_pct, p_up
)
SELECT
    w.version, w.opened_at, w.trade_id, n.direction, n.equal_direction, n.score, n.equal_score,
    nullif(n.scale_pct, 'NaN'), nullif(n.move_pct, 'NaN'), n.p_up
FROM new_vote AS n
INNER JOIN learning_window AS w ON n.decision_no = w.decision_no
ORDER BY w.decision_no;


-- name: create_new_outcomes
-- One row per outcome that is new, by the number of its decision in the window.
CREATE TEMPORARY TABLE new_outcome (
    decision_no integer, score double precision, excess double precision, uniqueness double precision,
    independent_until double precision
) ON COMMIT DROP;


-- name: copy_new_outcomes
-- One row per outcome that is new.
COPY new_outcome FROM STDIN WITH BINARY;


-- name: insert_outcomes
-- One row per outcome that is new.
INSERT INTO scorekeeper.learned_outcome (
    version, expires_at, trade_id, opened_at, return_pct, score, excess, uniqueness, independent_until
)
SELECT
    w.version, w.expires_at, w.trade_id, w.opened_at, w.return_pct, n.score, n.excess, n.uniqueness,
    n.independent_until
FROM new_outcome AS n
INNER JOIN learning_window AS w ON n.decision_no = w.decision_no
ORDER BY w.expiry_no;
