-- name: select_unread_words
-- One row per word in no list and who said it (agent '': the decision itself), the most frequent first.
-- Reads indexes of what was not understood, and nothing else. Parameter: most.
SELECT coalesce(u.agent, '') AS agent, u.word, u.times
FROM scorekeeper.report_unread_words AS u
ORDER BY u.times DESC, u.agent ASC, u.word ASC
LIMIT :most;

-- name: count_notes
-- One row: how many decisions have fields that could not be read.
SELECT count(*) AS noted FROM scorekeeper.decision AS d
WHERE d.notes IS NOT NULL;

-- name: select_small_confidences
-- One row per agent (agent '': the decisions' own) whose confidences in the latest decisions are above 0 at least once
-- and never above 1. Parameters: decisions (how many are looked at), fewest (how many confidences it takes).
WITH latest AS MATERIALIZED (
    SELECT d.trade_id, d.confidence
    FROM scorekeeper.decision AS d
    ORDER BY d.expires_at DESC
    LIMIT :decisions
)
SELECT '' AS agent
FROM latest AS l
HAVING count(l.confidence) >= :fewest AND max(l.confidence) > 0 AND max(l.confidence) <= 1
UNION ALL
SELECT s.agent
FROM latest AS l
INNER JOIN scorekeeper.agent_signal AS s ON l.trade_id = s.trade_id
GROUP BY s.agent
HAVING count(s.confidence) >= :fewest AND max(s.confidence) > 0 AND max(s.confidence) <= 1
ORDER BY agent;

-- name: select_unread_symbols
-- One row per spelling that waits for the market's list (held), and per symbol that the market did not list at the last
-- track (unlisted), in order.
SELECT
    'held' AS kind,
    d.raw_symbol COLLATE "C" AS name
FROM scorekeeper.held_decision AS h
INNER JOIN scorekeeper.decision AS d ON h.trade_id = d.trade_id
GROUP BY d.raw_symbol COLLATE "C"
UNION ALL
SELECT
    'unlisted' AS kind,
    p.symbol AS name
FROM scorekeeper.price_trouble AS p
WHERE p.kind = 'unlisted'
ORDER BY kind, name;
