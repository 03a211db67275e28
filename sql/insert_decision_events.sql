-- One row per decision just accepted: it is to be published. Called by recording.
INSERT INTO scorekeeper.event (kind, trade_id)
SELECT 'decision', trade_id
FROM incoming_decision
WHERE accepted
ORDER BY row_no;
