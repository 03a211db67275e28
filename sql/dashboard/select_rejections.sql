-- One row per refused decision, the last ones first, at most `most`. Parameter: most.
SELECT r.rejection_id, r.source_name, r.line, r.field, r.reason, r.excerpt, r.rejected_at
FROM scorekeeper.report_rejections AS r
ORDER BY r.rejection_id DESC
LIMIT :most;
