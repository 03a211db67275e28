-- One row: how many decisions a selection has, counted up to `most`.
-- Parameters: those of selected_decisions; most.
-- with selected: dashboard/selected_decisions
WITH found AS (
    SELECT 1 AS one
    FROM selected
    ORDER BY one LIMIT :most
)
SELECT count(*) AS decisions FROM found;
