-- One row: how many decisions lie outside a period, and how many within it were voided.
-- Parameters: since, until.
SELECT
    count(*) FILTER (WHERE opened_at < :since OR opened_at >= :until) AS outside,
    count(*) FILTER (WHERE opened_at >= :since AND opened_at < :until AND voided_at IS NOT NULL) AS voided
FROM scorekeeper.decision;
